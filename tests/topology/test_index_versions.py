"""Index versions beside one another: none disturbs another, and no answer is of two of them."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from processors.split import ChunkSpec
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.control import IndexVersion, Route
from schemas.envelope import headers
from schemas.index import IndexChange
from schemas.queries import AdmittedQuery, Plan, Query, Reservation
from schemas.times import format_time
from schemas.topics import type_of
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, Crash, Role, die, refuse, turns, until
from tests.topology.versions import Version, announce, change, in_force, say, switch

SHORT = IndexSpec(name="v2", chunk=ChunkSpec(unit_max=60, passage_target=80, passage_max=120))
QUESTION = "Where does the river Oder rise?"
TEXT = """# Oder

The river Oder rises in the Czech Republic. It flows into the Baltic Sea at last.

Its largest tributary is the Warta, which comes from the east and is the longer one of the two.

Szczecin is the largest port near its mouth, and ships of every kind have called there for long.
"""


def load(topology: Topology, count: int = 4) -> None:
    """A few documents, one edited and one deleted."""
    for number in range(count):
        topology.put(f"{number}.md", TEXT.replace("Oder", f"River{number}"), id=f"put {number}")
    topology.put("oder.md", TEXT, id="oder")
    topology.put("0.md", TEXT.replace("Oder", "Elbe"), id="edit")
    topology.delete("1.md", id="gone")


async def loaded(topology: Topology) -> None:
    """Documents in the first index."""
    load(topology)
    await topology.run()


async def test_a_version_is_built_from_the_log_beside_the_one_that_serves(
    topology: Topology,
) -> None:
    """Both are what the log says, and of the first not a record or a row has changed."""
    await loaded(topology)
    before = topology.log.all("index.changes"), await topology.rows()
    second = Version(topology, SHORT)
    await second.build()
    assert (await second.verify()).total == 0
    assert (topology.log.all("index.changes"), await topology.rows()) == before
    assert len(second.passages()) > len({c.doc_id for c in second.changes()})
    assert (await topology.verify()).total == 0


def keys(changes: list[IndexChange]) -> set[str]:
    """What was embedded, at whatever time."""
    return {unit.embed_key for change in changes for unit in change.units_gained}


async def test_a_new_cut_embeds_only_what_was_never_embedded(topology: Topology) -> None:
    """A sentence that both cut out is found again by its text and embedder."""
    await loaded(topology)
    before = list(topology.embedder.texts)
    second = Version(topology, SHORT)
    await second.build()
    known, wanted = keys(topology.changes()), keys(second.changes())
    assert known & wanted
    sent = topology.embedder.texts[len(before) :]
    assert len(sent) == len(wanted - known)
    assert not set(sent) & set(before)


async def test_larger_passages_of_the_same_sentences_embed_nothing(topology: Topology) -> None:
    """Nor does a version with the very settings of another, retired or not."""
    await loaded(topology)
    before = list(topology.embedder.texts)
    wide = IndexSpec(name="v2", chunk=ChunkSpec(passage_target=900))
    await Version(topology, wide).build()
    await change(topology.log, "v2", state="retired")
    await Version(topology, replace(topology.spec, name="v3")).build()
    assert topology.embedder.texts == before


@pytest.mark.parametrize("lose_view", [False, True])
@pytest.mark.parametrize(
    "point",
    [
        "seeding",
        "before emit",
        "half emitted",
        "after emit",
        "before ack",
        "before insert",
        "before delete",
        "before progress",
        "after progress",
        "before writer's ack",
    ],
)
async def test_a_build_that_dies_anywhere_goes_on(
    topology: Topology, point: str, lose_view: bool
) -> None:
    """Nothing is lost and nothing doubled, and the version that serves never notices."""
    await loaded(topology)
    second = Version(topology, SHORT)
    await announce(topology.log, SHORT)
    if point == "seeding":
        await second.indexer.start()
        await second.indexer.crash()
    await second.start()
    dying = _put_fault(topology, second, point)
    if dying is not None:
        if dying is second.writer:
            await second.indexer.drain()
        await _die(dying)
    topology.heal()
    for table in (second.units, second.texts):
        table.before_insert = table.before_delete = None
    if lose_view:
        await second.indexer.crash()
        await topology.indexer.crash()
        topology.lose_view()
        await topology.indexer.start()
        await second.indexer.start()
    elif dying is second.indexer:
        await second.indexer.start()
    if dying is second.writer:
        await second.writer.start()
    load(topology, 3)
    await topology.run()
    await second.catch_up()
    assert (await second.verify()).total == 0
    assert (await topology.verify()).total == 0


async def _die(role: Role) -> None:
    """Go on until the fault kills it."""
    killed = False
    try:
        await role.settle(records=3)
    except* Crash:
        killed = True
    assert killed
    await role.crash()


def _put_fault(topology: Topology, second: Version, point: str) -> Any:
    """Which role will die of it."""
    log = topology.log
    match point:
        case "before emit":
            log.before_append = refuse("index.changes.v2")
        case "half emitted":
            log.before_append = refuse("index.changes.v2", after=3)
        case "after emit":
            log.after_append = refuse("index.changes.v2", after=2)
        case "before ack":
            second.indexer.group.before_ack = die
        case "before insert":
            second.units.before_insert = die
        case "before delete":
            second.texts.before_delete = die
        case "before progress":
            log.before_append = refuse("index.progress.v2")
        case "after progress":
            log.after_append = refuse("index.progress.v2")
        case "before writer's ack":
            second.writer.group.before_ack = die
        case _:
            return None
    emitting = ("before emit", "half emitted", "after emit", "before ack")
    return second.indexer if point in emitting else second.writer


async def test_a_switch_in_flight_loses_no_question_and_tears_no_answer(
    topology: Topology,
) -> None:
    """Each question has one answer, wholly from the version that its plan names, there and back."""
    await loaded(topology)
    second = Version(topology, SHORT)
    await second.build()
    topology.reader.gate.clear()
    names: dict[str, str] = {}

    async def ask(version: str) -> None:
        for _ in range(3):
            names[topology.ask(QUESTION, f"q{len(names)}")] = version
        await topology.admission.drain()
        await topology.answerer.drain()

    await ask("v1")
    await switch(topology.log, "v2")
    await ask("v2")
    await switch(topology.log, "v1")
    await ask("v1")
    topology.reader.gate.set()
    await until(lambda: len(topology.responses()) == len(names))
    first = {
        f"{gained.passage_id}@{change.index_time}"
        for change in topology.changes()
        for gained in change.passages_gained
    }
    for query_id, version in names.items():
        response = topology.response(query_id)
        assert response.status == "answered"
        assert response.receipt is not None
        assert response.receipt.index_version == version
        assert set(response.receipt.passages) <= (first if version == "v1" else second.passages())


async def test_an_answerer_that_dies_amid_a_switch_answers_as_it_was_planned(
    topology: Topology,
) -> None:
    """The plan stands with the question: whoever takes it up looks at nothing else."""
    await loaded(topology)
    await Version(topology, SHORT).build()
    topology.reader.gate.clear()
    topology.ask(QUESTION, "before")
    await topology.admission.drain()
    await topology.answerer.step()
    await switch(topology.log, "v2")
    topology.ask(QUESTION, "after")
    await topology.admission.drain()
    await topology.answerer.crash()
    topology.reader.gate.set()
    await topology.answerer.start()
    await topology.answerer.drain()
    await until(lambda: len(topology.responses()) == 2)
    receipts = {name: topology.response(name).receipt for name in ("before", "after")}
    assert {n: r.index_version for n, r in receipts.items() if r is not None} == {
        "before": "v1",
        "after": "v2",
    }


async def test_a_plan_may_be_ahead_of_what_a_worker_knows(topology: Topology) -> None:
    """It waits, within a bound, until the worker has heard of the version."""
    await loaded(topology)
    now = topology.clock()
    admitted = AdmittedQuery(
        query=Query(query_id="early", text=QUESTION, tenant="acme"),
        reservation=Reservation(tokens=10_000),
        admitted_at=now,
        deadline=now + 3600 * SECOND,
        plan=Plan(
            route="default",
            branch="default",
            index_version="v2",
            prompt="answer@1",
            model="scripted@1",
        ),
    )
    name = headers(type_of(admitted), source="test", time=now)
    topology.log.append("queries.admitted", "early", encode(admitted), name)
    await topology.answerer.drain()
    assert topology.responses() == []
    await Version(topology, SHORT).build()
    await until(lambda: bool(topology.responses()))
    receipt = topology.response("early").receipt
    assert receipt is not None
    assert receipt.index_version == "v2"


async def test_a_version_has_no_state_before_it_was_whole(topology: Topology) -> None:
    """`as_of` an earlier time is refused by name; from then on it is answered."""
    await loaded(topology)
    then = topology.read_time()
    second = Version(topology, SHORT)
    whole = await second.build()
    topology.ask(QUESTION, "of the first", as_of=then)
    await topology.run_questions()
    await switch(topology.log, "v2")
    topology.ask(QUESTION, "too early", as_of=whole - 1)
    topology.ask(QUESTION, "whole", as_of=whole)
    await topology.run_questions()
    assert topology.response("of the first").status == "answered"
    assert topology.response("whole").status == "answered"
    error = topology.response("too early").error
    assert error is not None
    assert error.type == "as_of_beyond_horizon"
    assert format_time(whole) in error.message


async def test_a_version_that_is_being_built_answers_nobody(topology: Topology) -> None:
    """A route that names it too early goes on as is built in."""
    await loaded(topology)
    second = Version(topology, SHORT)
    await announce(topology.log, SHORT)
    await second.start()
    await second.catch_up()
    await switch(topology.log, "v2")
    topology.ask(QUESTION, "now")
    await topology.run_questions()
    receipt = topology.response("now").receipt
    assert receipt is not None
    assert receipt.index_version == "v1"


async def test_where_the_first_version_is_retired_another_answers(topology: Topology) -> None:
    """Also where no route says which: no question fails for that."""
    await loaded(topology)
    await Version(topology, SHORT).build()
    await switch(topology.log, "v2")
    await change(topology.log, "v1", state="retired")
    route = (await in_force(topology.log)).of(Route)["default"]
    await say(topology.log, replace(route, revision=route.revision + 1, removed=True))
    topology.ask(QUESTION)
    await topology.run_questions()
    response = topology.response()
    assert response.status == "answered"
    assert response.receipt is not None
    assert response.receipt.index_version == "v2"


async def test_after_waits_for_the_version_that_answers(topology: Topology) -> None:
    """That another one shows the write already is of no help."""
    await loaded(topology)
    second = Version(topology, SHORT)
    await second.build()
    await switch(topology.log, "v2")
    at = topology.put("oder.md", TEXT.replace("Czech Republic", "mountains of Moravia"))
    await topology.index_all()
    topology.ask(QUESTION, after={"topic": "documents", "partition": at[1], "offset": at[2]})
    topology.settings.limits.after_timeout_s = 30.0
    await topology.admission.drain()
    await topology.answerer.drain()
    assert topology.responses() == []
    await second.catch_up()
    await until(lambda: bool(topology.responses()))
    assert "Moravia" in topology.response().answer


async def test_a_retired_version_answers_what_is_under_way_and_nothing_later(
    topology: Topology,
) -> None:
    """Its lane lingers for as long as a question may be under way, and is gone then."""
    await loaded(topology)
    await Version(topology, SHORT).build()
    lanes = topology.answerer.handler._lanes
    await change(topology.log, "v2", state="retired")
    assert await lanes.wait("v2", 0.0) is not None
    await asyncio.sleep(0.1)
    await turns()
    assert await lanes.wait("v2", 0.0) is None
    assert await lanes.wait("v1", 0.0) is not None


async def test_what_is_being_built_does_not_count_as_stale(topology: Topology) -> None:
    """How old answers are is told of the versions that serve."""
    await loaded(topology)
    await announce(topology.log, SHORT)
    Version(topology, SHORT)
    lanes = topology.answerer.handler._lanes
    assert lanes.read_time() == topology.read_time()


async def test_a_build_repeats_no_word_of_what_others_dealt_with(topology: Topology) -> None:
    """Bad events have one dead letter, misplaced ones are sent on once: by those that serve."""
    topology.raw("bad", b"{")
    partition = topology.put("far.md", TEXT)[1]
    (record,) = [one for one in topology.log.all("documents") if one.key == b"far.md"]
    topology.raw("far.md", record.value, partition=1 - partition)
    await topology.run()
    told = len(topology.dead_letters()), len(topology.log.all("documents"))
    second = Version(topology, SHORT)
    await second.build()
    assert (len(topology.dead_letters()), len(topology.log.all("documents"))) == told
    topology.raw("worse", b"[")
    await topology.indexer.crash()
    await second.indexer.drain()
    assert len(topology.dead_letters()) == told[0] + 1
    await topology.indexer.start()


async def test_a_judge_reads_the_version_that_answered(topology: Topology) -> None:
    """Two versions may call two texts by one name; evidence is of the one in the receipt."""
    await loaded(topology)
    second = Version(topology, SHORT)
    await second.build()
    await switch(topology.log, "v2")
    topology.reader.script = lambda _: ["The river Oder rises in the Czech Republic. [1]"]
    topology.ask(QUESTION)
    await topology.run()
    evaluation = topology.evaluation()
    assert evaluation.labels["index_version"] == "v2"
    supports = [support.passage for claim in evaluation.claims for support in claim.support]
    assert supports
    assert set(supports) <= second.passages()


async def test_settings_that_there_are_not_are_put_aside(topology: Topology) -> None:
    """Nobody follows such a version, and what was in force stays in force."""
    await loaded(topology)
    await announce(topology.log, SHORT)
    bad = (await in_force(topology.log)).of(IndexVersion)["v2"]
    await say(topology.log, replace(bad, name="v3", chunk={"unit_most": 3}))
    control = await in_force(topology.log)
    assert sorted(control.of(IndexVersion)) == ["v1", "v2"]
