"""An index version that stands still shows the documents of its time, for good, and says so."""

from typing import Any

import pytest
from msgspec.structs import replace

from processors.split import ChunkSpec
from processors.version import IndexSpec
from schemas.control import IndexVersion
from streams.errors import FreshetError
from streams.replay.source import LogSource
from streams.versions.asof import NoSuchState, shown_at, stood_still
from streams.versions.behind import standing
from streams.versions.differ import differ, state, text
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, Crash, Role, die, refuse
from tests.topology.standing import EDITED, TEXT, past, texts
from tests.topology.versions import Version, in_force, switch

STILL = IndexSpec(name="still")
QUESTION = "Where does the river Oder rise?"


async def test_it_shows_what_there_was_and_embeds_nothing(topology: Topology) -> None:
    """Document by document as the version that serves showed them then."""
    still = await past(topology)
    before = list(topology.embedder.texts)
    version = Version(topology, STILL, still)
    assert await version.build() == still.at
    shown = await texts(version.index, still.at)
    assert shown == await texts(topology.index, still.at)
    assert shown["oder.md"] == [TEXT]
    assert shown.keys() == {"0.md", "2.md", "3.md", "oder.md"}
    assert topology.embedder.texts == before
    assert (await version.verify()).total == 0


async def test_another_cut_stands_still_as_well(topology: Topology) -> None:
    """The text is that of the time, the passages are its own."""
    still = await past(topology)
    short = ChunkSpec(unit_max=60, passage_target=80, passage_max=120)
    version = Version(topology, IndexSpec(name="still", chunk=short), still)
    await version.build()
    assert (await version.verify()).total == 0


async def test_what_comes_later_does_not_touch_it(topology: Topology) -> None:
    """Not a record, however long it goes on, and after a restart no more."""
    still = await past(topology)
    version = Version(topology, STILL, still)
    await version.build()
    before = topology.log.all("index.changes.still")
    for number in range(5):
        topology.put(f"{number}.md", f"It is now text number {number}.")
        await topology.run()
        await version.catch_up()
        await version.indexer.restart()
    assert topology.log.all("index.changes.still") == before
    assert version.read_time() == still.at
    found = await standing(topology.log, "still", topology.clock(), still)
    assert (found.behind, found.behind_s) == (0, 0.0)


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("point", ["before emit", "half emitted", "after emit", "before ack"])
async def test_a_build_that_dies_anywhere_comes_to_the_same_place(
    topology: Topology, point: str, compacted: bool
) -> None:
    """Even where the last event that it is to show is compacted away."""
    still = await past(topology)
    if compacted:
        topology.log.compact("documents")
    version = Version(topology, STILL, still)
    faults: dict[str, Any] = {
        "before emit": ("before_append", 0),
        "half emitted": ("before_append", 1),
        "after emit": ("after_append", 1),
    }
    await version.start()
    if point in faults:
        where, after = faults[point]
        setattr(topology.log, where, refuse("index.changes.still", after=after))
    else:
        version.indexer.group.before_ack = die
    await _die(version.indexer)
    topology.heal()
    await version.indexer.start()
    await version.catch_up()
    assert version.read_time() == still.at
    if not compacted:
        assert await texts(version.index, still.at) == await texts(topology.index, still.at)
        assert (await version.verify()).total == 0


async def _die(role: Role) -> None:
    killed = False
    try:
        await role.settle(records=3)
    except* Crash:
        killed = True
    assert killed
    await role.crash()


async def test_answers_from_it_say_how_old_they_are(topology: Topology) -> None:
    """By their receipt; what it can never show is refused at once, and says why."""
    still = await past(topology)
    version = Version(topology, STILL, still)
    await version.build()
    await switch(topology.log, "still")
    topology.reader.script = lambda prompt: ["Czech Republic" if "Czech" in prompt else "Moravia"]
    topology.ask(QUESTION, "then")
    topology.ask(QUESTION, "at", as_of=still.at)
    topology.ask(QUESTION, "later", as_of=still.at + SECOND)
    topology.ask(QUESTION, "fresh", max_staleness_ms=1000)
    last = max(topology.log.all("documents", 0), key=lambda record: record.offset)
    after = {"topic": "documents", "partition": 0, "offset": last.offset + 1}
    topology.ask(QUESTION, "after", after=after)
    await topology.run()
    then = topology.response("then")
    assert then.receipt is not None
    assert (then.receipt.index_version, then.receipt.as_of) == ("still", still.at)
    assert then.receipt.staleness_ms >= 60_000
    assert then.receipt.applied == {f"documents/{p}": o for p, o in still.applied.items()}
    assert topology.response("at").status == "answered"
    errors = {name: topology.response(name).error for name in ("later", "fresh", "after")}
    assert {name: error.type for name, error in errors.items() if error is not None} == {
        "later": "as_of_in_future",
        "fresh": "stale",
        "after": "after_timeout",
    }
    assert all("stands still" in (error.message if error else "") for error in errors.values())
    await switch(topology.log, "v1")
    topology.ask(QUESTION, "back")
    await topology.run()
    back = topology.response("back").receipt
    assert back is not None
    assert back.index_version == "v1"


async def test_it_is_waited_for_and_its_events_counted(topology: Topology) -> None:
    """By who builds it."""
    still = await past(topology)
    await Version(topology, STILL, still).build()
    told: list[tuple[int, int]] = []
    at = await stood_still(topology.log, "still", still, lambda *step: told.append(step))
    assert at == still.at
    assert told[-1][0] == told[-1][1] > 0


async def test_the_log_tells_in_what_two_states_differ(topology: Topology) -> None:
    """Now from then; then from one that stands still there, which is nothing; and one document."""
    still = await past(topology)
    await Version(topology, STILL, still).build()
    control = topology.log, topology.settings
    now, then, there = state("v1", None), state(f"v1@{still.at}", None), state("still", None)
    same = await differ(*control, then, there, None)
    assert (same.settings, same.found.differs) == ({}, False)
    found = (await differ(*control, then, now, None)).found
    kinds = {one.doc_id: one.kind for one in found.examples}
    assert kinds == {
        "oder.md": "changed",
        "2.md": "changed",
        "3.md": "only_one",
        "new.md": "only_other",
    }
    assert (found.documents.only_one, found.documents.only_other, found.changed) == (1, 1, 2)
    alone = (await differ(*control, then, now, "oder.md")).found
    assert [(one.only_one, one.only_other) for one in alone.examples] == [([TEXT], [EDITED])]
    assert "oder.md: another text" in text(then, now, await differ(*control, then, now, None))


async def test_the_same_text_cut_otherwise_is_told_from_another_text(topology: Topology) -> None:
    """With the settings that make the difference."""
    still = await past(topology)
    short = ChunkSpec(unit_max=60, passage_target=80, passage_max=120)
    await Version(topology, IndexSpec(name="still", chunk=short), still).build()
    one, other = state(f"v1@{still.at}", None), state("still", str(still.at))
    found = await differ(topology.log, topology.settings, one, other, None)
    assert "chunk.unit_max" in found.settings
    assert (found.found.changed, found.found.documents.only_one) == (0, 0)
    assert found.found.cut > 0


async def test_a_state_that_there_is_not_is_refused(topology: Topology) -> None:
    """Of the future, and of before a version was whole."""
    still = await past(topology)
    await Version(topology, STILL, still).build()
    now = state("v1", None)
    for wrong in (f"v1@{topology.clock() + 3600 * SECOND}", f"still@{still.at - 1}", "none"):
        with pytest.raises(FreshetError):
            await differ(topology.log, topology.settings, now, state(wrong, None), None)


async def test_a_time_that_nobody_can_go_back_to_is_refused(topology: Topology) -> None:
    """Beyond the horizon, before the version was whole, and in the future."""
    still = await past(topology)
    first = (await in_force(topology.log)).of(IndexVersion)["v1"]
    for base, at, oldest in (
        (first, still.at, still.at + 1),
        (replace(first, complete_from=still.at + 1), still.at, 0),
        (first, topology.clock() + 3600 * SECOND, 0),
    ):
        with pytest.raises(NoSuchState):
            await shown_at(LogSource(topology.log), base, at, oldest)
