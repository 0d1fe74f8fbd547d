"""Routes from log to log: every question answered once, by the plan that it was admitted with."""

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from schemas.codec import encode
from schemas.control import ControlEvent, PromptVersion, key_of
from schemas.evaluations import Evaluation
from schemas.responses import Response
from streams.clients.errors import ModelDeadline
from tests.doubles.reader import ScriptedReader
from tests.topology.driver import Topology
from tests.topology.roles import refuse, turns
from tests.unit.processors.test_shares import branch, route

QUESTION = "Where does the river Oder rise?"
TERSE = PromptVersion(
    name="answer",
    version=2,
    template="Briefly.\n{{passages}}\n\nQuestion: {{question}}\n\nAnswer:",
    revision=1,
    by="ana",
    why="test",
    at=1,
)
A, B = branch("a", 0.5), branch("b", 0.5, prompt="answer@2", model="terse@1")
SHADOW = branch("s", 1.0, shadow=True, prompt="answer@2", model="terse@1", top_k=1)


async def put(topology: Topology, *events: ControlEvent) -> None:
    """Changes, followed by every worker."""
    for event in events:
        topology.log.append("control", key_of(event), encode(event))
    await turns()


async def rivers(topology: Topology, *events: ControlEvent) -> ScriptedReader:
    """Two documents and what is in force; gives the second reader."""
    other = topology.readers["terse@1"] = ScriptedReader(lambda _: ["Bohemia. ", "[1]"])
    topology.put("oder.md", "The river Oder rises in the Czech Republic.", title="Oder")
    topology.put("elbe.md", "The Elbe is another river that flows far.", title="Elbe")
    await topology.run()
    await put(topology, TERSE, *events)
    return other


def prompt_of(response: Response) -> str:
    assert response.receipt is not None
    return response.receipt.prompt


async def test_each_session_is_answered_by_its_branch(topology: Topology) -> None:
    """By prompt and model of that branch, and the receipt names it."""
    other = await rivers(topology, route(A, B))
    for session in range(12):
        for number in range(2):
            topology.ask(QUESTION, f"{session}/{number}", session_id=f"s{session}")
    await topology.run()
    ways = [
        {topology.response(f"{session}/{number}").route for number in range(2)}
        for session in range(12)
    ]
    assert all(len(way) == 1 for way in ways)
    assert set.union(*ways) == {"default/a", "default/b"}  # type: ignore[arg-type]
    for response in topology.responses():
        assert response.receipt is not None
        assert response.receipt.route == response.route
        is_b = response.route == "default/b"
        assert (prompt_of(response), "Bohemia" in response.answer) == (
            "answer@2" if is_b else "answer@1",
            is_b,
        )
    assert other.prompts[0].startswith("Briefly.")


async def test_a_shadow_answers_and_nobody_is_shown_it(topology: Topology) -> None:
    """One answer in pieces, as ever; another beside it in the log that says whose shadow it is."""
    await rivers(topology, route(branch("a"), SHADOW))
    topology.ask(QUESTION)
    await topology.run()
    shown, unseen = topology.response("q1"), topology.response("q1~s")
    assert (shown.shadow_of, unseen.shadow_of) == (None, "q1")
    assert (shown.route, unseen.route) == ("default/a", "default/s")
    assert "".join(topology.deltas("q1")).strip() == shown.answer
    assert topology.deltas("q1~s") == []
    assert unseen.receipt is not None
    assert len(unseen.receipt.passages) == 1
    judged: dict[str | None, Evaluation] = {one.shadow_of: one for one in topology.evaluations()}
    assert judged["q1"].labels["route"] == "default/s"
    assert judged["q1"].question == QUESTION
    assert None in judged


async def test_a_shadow_that_fails_says_that_it_is_one(topology: Topology) -> None:
    """And which way it went, though it has no receipt."""
    other = await rivers(topology, route(branch("a"), SHADOW))

    def late(_: str) -> Any:
        raise ModelDeadline("too slow")

    other.script = late
    topology.ask(QUESTION)
    await topology.run()
    assert topology.response("q1").status == "answered"
    unseen = topology.response("q1~s")
    assert (unseen.status, unseen.shadow_of, unseen.route) == ("failed", "q1", "default/s")
    evaluations = {one.query_id: one for one in topology.evaluations()}
    assert evaluations["q1~s"].shadow_of == "q1"
    assert evaluations["q1~s"].labels["route"] == "default/s"


async def test_shadows_hold_nobody_up(topology: Topology) -> None:
    """However many wait for the model that they ask; they wait for one another."""
    other = await rivers(topology, route(branch("a"), SHADOW))
    other.gate.clear()
    room = topology.settings.limits.concurrent_answers
    for number in range(2 * room):
        topology.ask(QUESTION, f"q{number}")
    await topology.run()
    assert {one.shadow_of for one in topology.responses()} == {None}
    assert len(topology.responses()) == 2 * room
    assert len(other.generations) == topology.settings.limits.concurrent_shadows
    other.gate.set()
    await topology.run()
    assert len(topology.responses()) == 4 * room


async def test_nothing_unseen_counts_as_service(topology: Topology) -> None:
    """A shadow's failure is in no count of failures; it has a count of its own."""
    other = await rivers(topology, route(branch("a"), SHADOW))
    other.script = lambda _: []

    def counts() -> dict[str, float]:
        names = ("answered", "unanswerable", "failed")
        found = {
            name: REGISTRY.get_sample_value(
                "freshet_answerer_responses_total", {"status": name, "error": ""}
            )
            for name in names
        }
        found["unseen"] = REGISTRY.get_sample_value(
            "freshet_routes_shadows_total", {"status": "unanswerable"}
        )
        return {name: value or 0.0 for name, value in found.items()}

    before = counts()
    topology.ask(QUESTION)
    await topology.run()
    assert {name: value - before[name] for name, value in counts().items()} == {
        "answered": 1,
        "unanswerable": 0,
        "failed": 0,
        "unseen": 1,
    }


async def test_a_question_under_way_is_answered_as_it_was_admitted(topology: Topology) -> None:
    """Its route changes while the model writes, and before it began."""
    await rivers(topology, route(branch("a")))
    topology.reader.gate.clear()
    topology.ask(QUESTION, "under way")
    await topology.run()
    topology.ask(QUESTION, "admitted")
    await topology.admission.drain()
    await put(topology, replace(route(replace(B, share=1.0)), revision=2))
    topology.ask(QUESTION, "later")
    topology.reader.gate.set()
    await topology.run()
    ways = {one.query_id: (one.route, prompt_of(one)) for one in topology.responses()}
    assert ways == {
        "under way": ("default/a", "answer@1"),
        "admitted": ("default/a", "answer@1"),
        "later": ("default/b", "answer@2"),
    }


@pytest.mark.parametrize("after", [0, 1])
async def test_an_answerer_that_dies_answers_the_rest_as_it_was_admitted(
    topology: Topology, after: int
) -> None:
    """Killed before a response; when it is back another route is in force."""
    await rivers(topology, route(branch("a"), SHADOW))
    topology.ask(QUESTION)
    await topology.admission.drain()
    topology.log.before_append = refuse("responses", after=after)
    await topology.answerer.dies()
    topology.heal()
    await put(topology, replace(route(branch("c")), revision=2))
    await topology.answerer.start()
    await topology.run()
    ways = sorted((one.query_id, one.route) for one in topology.responses())
    assert ways == [("q1", "default/a"), ("q1~s", "default/s")]


@pytest.mark.parametrize("after", [0, 1])
async def test_an_admission_that_dies_between_the_two_leaves_none_out(
    topology: Topology, after: int
) -> None:
    """Before the question, or between it and its shadow: each is answered once."""
    await rivers(topology, route(branch("a"), SHADOW))
    topology.ask(QUESTION)
    topology.log.before_append = refuse("queries.admitted", after=after)
    await topology.admission.dies()
    topology.heal()
    await topology.admission.start()
    await topology.run()
    assert sorted(one.query_id for one in topology.responses()) == ["q1", "q1~s"]


async def test_a_question_admitted_twice_on_both_sides_of_a_change_is_answered_once(
    topology: Topology,
) -> None:
    """Admission died before it could say that it was done; the first plan counts."""
    await rivers(topology, route(branch("a")))
    topology.ask(QUESTION)
    topology.log.after_append = refuse("queries.admitted")
    await topology.admission.dies()
    topology.heal()
    await put(topology, replace(route(branch("c")), revision=2))
    await topology.admission.start()
    await topology.run()
    assert [one.route for one in topology.responses()] == ["default/a"]


async def test_a_branch_without_its_prompt_fails_nobodys_question(topology: Topology) -> None:
    """Somebody wrote past the commands: the first branch answers, and a metric tells."""
    broken = route(branch("a", 0.0), branch("b", 1.0, prompt="none@7"))
    await rivers(topology, broken)
    topology.ask(QUESTION)
    await topology.run()
    assert topology.response().route == "default/a"
    name = "freshet_routes_unusable_branches"
    assert REGISTRY.get_sample_value(name) == 1
    await put(topology, replace(broken, revision=2, removed=True))
    topology.ask(QUESTION, "q2")
    await topology.run()
    assert topology.response("q2").route == "default"
    assert REGISTRY.get_sample_value(name) == 0


async def test_a_tenants_own_route_is_its_alone(topology: Topology) -> None:
    """Others go on as they were."""
    own = route(branch("own"), name="own", tenants=("acme",))
    await rivers(topology, own, route(branch("a")))
    topology.ask(QUESTION, "mine")
    topology.ask(QUESTION, "theirs", tenant="zoo")
    await topology.run()
    assert topology.response("mine").route == "own"
    assert topology.response("theirs").route == "default/a"


async def test_a_worker_that_starts_late_plans_like_the_others(topology: Topology) -> None:
    """From what compaction has left."""
    for revision, share in enumerate((0.9, 0.5, 0.1), start=1):
        shares = route(replace(A, share=share), replace(B, share=1 - share))
        await put(topology, replace(shares, revision=revision))
    await rivers(topology)
    sessions = [f"s{number}" for number in range(10)]

    async def ways(prefix: str) -> list[str | None]:
        for session in sessions:
            topology.ask(QUESTION, f"{prefix}{session}", session_id=session)
        await topology.run()
        return [topology.response(f"{prefix}{session}").route for session in sessions]

    before = await ways("early ")
    topology.log.compact("control")
    await topology.admission.restart()
    assert await ways("late ") == before
