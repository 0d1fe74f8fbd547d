"""Questions: one final response each, read at one index time, with a receipt that proves it."""

import asyncio
from typing import Any

import pytest
from msgspec import json

from processors.index import Access
from processors.search import search
from schemas.times import format_time
from streams.clients.errors import IndexUnavailable, ModelDeadline, ModelRejected, ModelUnavailable
from streams.clients.kafka import Position
from tests.doubles.embedder import vector_of
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, die, refuse, turns, until

RIVER = "The river Oder rises in the Czech Republic. It flows into the Baltic Sea at last."
LATER = RIVER.replace("Czech Republic", "mountains of Moravia")
QUESTION = "Where does the river Oder rise?"


async def known(topology: Topology) -> None:
    """A document in the index."""
    topology.put("oder.md", RIVER, title="Oder")
    topology.put("elbe.md", "The Elbe is another river that flows to the North Sea.", title="Elbe")
    await topology.run()


async def test_a_question_is_answered_with_citations_and_a_receipt(topology: Topology) -> None:
    """The quote is exactly the source's text from `start` to `end`."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.run()
    response = topology.response()
    assert response.status == "answered"
    (citation,) = response.citations
    assert citation.doc_id == "oder.md"
    assert citation.quote == RIVER[citation.start : citation.end]
    assert citation.quote == "The river Oder rises in the Czech Republic."
    assert response.receipt is not None
    assert response.receipt.as_of == topology.read_time()
    assert response.receipt.passages[0].startswith(citation.passage_id)
    assert "".join(topology.deltas()).strip() == response.answer


async def test_a_receipt_lets_the_retrieval_be_reproduced(topology: Topology) -> None:
    """With its weights, at its index time, after any number of later changes."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.run()
    receipt = topology.response().receipt
    assert receipt is not None
    for number in range(6):
        topology.put(f"{number}.md", f"Another river, number {number}, that rises somewhere.")
    topology.put("oder.md", LATER, title="Oder")
    topology.delete("elbe.md")
    await topology.run()
    again = await search(
        topology.index,
        topology.spec,
        vector=vector_of(QUESTION),
        weights=receipt.lexical,
        at=receipt.as_of,
        access=Access(tenant="acme"),
        top_k=5,
    )
    assert [found.name for found in again] == receipt.passages
    assert again[0].passage.text == RIVER


async def test_as_of_gives_the_answer_of_that_time(topology: Topology) -> None:
    """By index time and by RFC 3339, after an edit and after a deletion."""
    await known(topology)
    topology.ask(QUESTION, "then")
    await topology.run()
    before = topology.response("then").receipt
    assert before is not None
    then = before.as_of
    topology.put("oder.md", LATER, title="Oder")
    await topology.run()
    topology.ask(QUESTION, "now")
    topology.ask(QUESTION, "by index time", as_of=then)
    topology.ask(QUESTION, "by date", as_of=format_time(then))
    await topology.run()
    topology.delete("oder.md")
    await topology.run()
    topology.ask(QUESTION, "later still", as_of=then)
    await topology.run()
    assert "Moravia" in topology.response("now").answer
    for query_id in ("by index time", "by date", "later still"):
        assert "Czech" in topology.response(query_id).answer
        receipt = topology.response(query_id).receipt
        assert receipt is not None
        assert (receipt.as_of, receipt.applied) == (then, before.applied)


async def test_after_waits_until_the_write_shows(topology: Topology) -> None:
    """Read your writes: the answer waits for the index, and then has it."""
    await known(topology)
    at = topology.put("oder.md", LATER, title="Oder")
    topology.ask(QUESTION, after={"topic": "documents", "partition": at[1], "offset": at[2]})
    await topology.admission.drain()
    topology.settings.limits.after_timeout_s = 30.0
    await topology.answerer.drain()
    assert topology.responses() == []
    await topology.index_all()
    await until(lambda: bool(topology.responses()))
    assert "Moravia" in topology.response().answer


async def test_what_is_not_there_in_time_is_refused_by_its_name(topology: Topology) -> None:
    """Each bound that cannot be kept has its own error."""
    await known(topology)
    limits, at = topology.settings.limits, topology.clock()
    nowhere = {"topic": "documents", "partition": 0, "offset": 999}
    wanted: dict[str, dict[str, Any]] = {
        "after_timeout": {"after": nowhere},
        "stale": {"max_staleness_ms": 0},
        "as_of_in_future": {"as_of": at + 3600 * SECOND},
        "as_of_beyond_horizon": {"as_of": at - limits.horizon_ms * 1000 - 3600 * SECOND},
        "invalid_query": {"after": {"topic": "queries", "partition": 0, "offset": 0}},
    }
    topology.clock.advance(SECOND)
    for name, fields in wanted.items():
        topology.ask(QUESTION, name, **fields)
    await topology.run_questions()
    await until(lambda: len(topology.responses()) == len(wanted))
    for name in wanted:
        response = topology.response(name)
        assert response.status == "failed"
        assert response.error is not None
        assert response.error.type == name


async def test_staleness_within_the_bound_is_answered(topology: Topology) -> None:
    """And the receipt says how stale it was."""
    await known(topology)
    topology.clock.advance(5 * SECOND)
    topology.ask(QUESTION, max_staleness_ms=60_000)
    await topology.run_questions()
    receipt = topology.response().receipt
    assert receipt is not None
    assert 5000 <= receipt.staleness_ms <= 60_000


async def test_a_question_whose_time_is_up_is_not_read(topology: Topology) -> None:
    """Nobody waits for it any more."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.admission.drain()
    topology.clock.advance(3600 * SECOND)
    await topology.answerer.drain()
    response = topology.response()
    assert response.error is not None
    assert response.error.type == "deadline_exceeded"
    assert topology.reader.prompts == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ModelDeadline("slow"), "deadline_exceeded"),
        (ModelRejected("no"), "invalid_query"),
        (ModelUnavailable("gone"), "model_unavailable"),
        (IndexUnavailable("gone"), "index_unavailable"),
        (RuntimeError("unforeseen"), "internal"),
    ],
)
async def test_a_failure_is_an_answer_too(
    topology: Topology, error: Exception, expected: str
) -> None:
    """Each has its type, and the next question is answered."""
    await known(topology)

    def fail(_: str) -> list[str]:
        raise error

    script, topology.reader.script = topology.reader.script, fail
    topology.ask(QUESTION, "fails")
    await topology.run_questions()
    topology.reader.script = script
    topology.ask(QUESTION, "works")
    await topology.run_questions()
    found = topology.response("fails").error
    assert found is not None
    assert found.type == expected
    assert topology.response("works").status == "answered"


async def test_another_tenants_documents_are_not_found(topology: Topology) -> None:
    """`acl` and metadata are enforced inside the search."""
    topology.put("ours.md", "The secret word is avalanche today.", acl=["acme"])
    topology.put("theirs.md", "The secret word is blizzard today.", acl=["umbrella"])
    topology.put("draft.md", "The secret word is cyclone today.", metadata={"state": "draft"})
    await topology.run()
    topology.ask("What is the secret word?", "acme", filters={})
    topology.ask("What is the secret word?", "umbrella", tenant="umbrella")
    topology.ask("What is the secret word?", "draft", filters={"state": ["draft", "final"]})
    topology.ask("What is the secret word?", "none", filters={"state": "final"})
    await topology.run_questions()
    for query_id, word, other in (
        ("acme", "avalanche", "blizzard"),
        ("umbrella", "blizzard", "avalanche"),
    ):
        prompt = next(p for p in topology.reader.prompts if word in p)
        assert other not in prompt
        assert topology.response(query_id).status == "answered"
    assert "cyclone" in topology.response("draft").answer
    assert topology.response("none").status == "unanswerable"


@pytest.mark.parametrize(
    "pieces",
    [["UNANSWERABLE"], ["UNANS", "WERABLE"], [" ", "U", "NANSWERABLE", "\n"], []],
)
async def test_the_word_for_no_answer_is_not_streamed(
    topology: Topology, pieces: list[str]
) -> None:
    """Not even its beginning."""
    await known(topology)
    topology.reader.script = lambda _: pieces
    topology.ask(QUESTION)
    await topology.run_questions()
    response = topology.response()
    assert (response.status, response.answer, response.citations) == ("unanswerable", "", [])
    assert topology.deltas() == []
    assert response.receipt is not None


@pytest.mark.parametrize("answer", ["UN", "U N", "Unanswered [1]", " UNANSWERABLE as it seems"])
async def test_an_answer_that_begins_alike_is_streamed_whole(
    topology: Topology, answer: str
) -> None:
    """What was held back comes with the next piece, or at the end."""
    await known(topology)
    topology.reader.script = lambda _: list(answer)
    topology.ask(QUESTION)
    await topology.run_questions()
    assert topology.response().answer == answer.strip()
    assert "".join(topology.deltas()).strip() == answer.strip()


async def test_nothing_found_is_unanswerable_without_a_model(topology: Topology) -> None:
    """An empty index has a read time, too."""
    topology.clock.advance()
    await topology.run()
    topology.ask(QUESTION)
    await topology.run_questions()
    assert topology.response().status == "unanswerable"
    assert topology.reader.prompts == []


async def test_a_question_given_twice_is_answered_once(topology: Topology) -> None:
    """In one batch, while it runs, after it was answered, and after a restart."""
    await known(topology)
    topology.reader.gate.clear()
    topology.ask(QUESTION)
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.reader.gate.set()
    await turns()
    topology.ask(QUESTION)
    await topology.run_questions()
    await topology.answerer.restart()
    topology.ask(QUESTION)
    await topology.run_questions()
    assert topology.response().status == "answered"
    assert len(topology.reader.prompts) == 1
    assert topology.answerer.group.unacked() == []


@pytest.mark.parametrize(
    "point", ["while reading", "before the response", "after it", "before ack"]
)
async def test_an_answerer_that_dies_gives_exactly_one_response(
    topology: Topology, point: str
) -> None:
    """The question is asked again, unless its response is in the log."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.admission.drain()
    match point:
        case "while reading":
            topology.reader.gate.clear()
        case "before the response":
            topology.log.before_append = refuse("responses")
        case "after it":
            topology.log.after_append = refuse("responses")
        case _:
            topology.answerer.group.before_ack = die
    if point == "while reading":
        await topology.answerer.drain()
        assert topology.answerer.group.unacked() != []
        await topology.answerer.crash()
    else:
        await topology.answerer.dies()
    topology.heal()
    topology.reader.gate.set()
    await topology.answerer.start()
    await topology.run_questions()
    assert topology.response().status == "answered"
    assert topology.answerer.group.unacked() == []


async def test_a_delivery_during_an_answer_is_not_acknowledged_before_it(
    topology: Topology,
) -> None:
    """A rebalance delivers the question again while it runs; a crash then must not lose it."""
    await known(topology)
    topology.reader.gate.clear()
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.answerer.group.rewind()
    await topology.answerer.drain()
    assert topology.answerer.group.unacked() != []
    await topology.answerer.restart()
    topology.reader.gate.set()
    await topology.run_questions()
    assert topology.response().status == "answered"


async def test_a_question_that_moves_to_another_worker_is_left_to_it(topology: Topology) -> None:
    """Two workers never write two responses because a partition moved."""
    await known(topology)
    topology.reader.gate.clear()
    topology.ask(QUESTION)
    await topology.run_questions()
    await topology.answerer.handler.revoke(topology.answerer.partitions)
    assert topology.reader.generations[0].closed
    topology.reader.gate.set()
    await turns()
    assert topology.responses() == []
    topology.answerer.group.rewind()
    await topology.answerer.handler.assign(topology.answerer.partitions)
    await topology.answerer.drain()
    assert topology.response().status == "answered"


async def test_a_response_on_its_way_is_there_before_another_worker_looks(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is sent nothing calls it back, so the partition is not given away before it lands."""
    await known(topology)
    lands, send = asyncio.Event(), topology.log.send

    async def slow(topic: str, *rest: Any) -> Position:
        if topic == "responses":
            await lands.wait()
        return await send(topic, *rest)

    monkeypatch.setattr(topology.log, "send", slow)
    topology.ask(QUESTION)
    await topology.run_questions()
    leaving = asyncio.create_task(topology.answerer.handler.revoke(topology.answerer.partitions))
    await turns()
    assert not leaving.done()
    lands.set()
    await leaving
    assert topology.response().status == "answered"


async def test_a_question_that_waits_for_its_turn_is_not_begun_when_its_partition_goes(
    topology: Topology,
) -> None:
    """The turn may come because the questions before it were dropped."""
    await known(topology)
    topology.reader.gate.clear()
    slots = topology.settings.limits.concurrent_answers
    for number in range(slots + 1):
        topology.ask(QUESTION, f"q{number}")
    await topology.admission.drain()
    working = asyncio.create_task(topology.answerer.drain())
    await until(lambda: len(topology.reader.generations) == slots)
    await topology.answerer.handler.revoke(topology.answerer.partitions)
    await working
    topology.reader.gate.set()
    await turns()
    assert len(topology.reader.generations) == slots
    assert topology.responses() == []


async def test_a_cancelled_question_stops_its_generation(topology: Topology) -> None:
    """It ends with its one response, and its place is free again."""
    await known(topology)
    topology.reader.gate.clear()
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.hang_up("q1")
    await topology.run_questions()
    response = topology.response()
    assert response.error is not None
    assert response.error.type == "cancelled"
    assert topology.reader.generations[0].closed
    assert topology.answerer.group.unacked() == []


async def test_a_question_cancelled_before_it_began_has_a_response(topology: Topology) -> None:
    """Question and cancellation in one batch, and the cancellation first."""
    await known(topology)
    topology.ask(QUESTION)
    topology.hang_up("q1")
    topology.hang_up("q2")
    topology.ask(QUESTION, "q2")
    await topology.run_questions()
    for query_id in ("q1", "q2"):
        error = topology.response(query_id).error
        assert error is not None
        assert error.type == "cancelled"
    assert topology.reader.prompts == []
    assert topology.answerer.group.unacked() == []


async def test_a_cancellation_after_the_answer_changes_nothing(topology: Topology) -> None:
    """There is one response, and it stays the only one."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.hang_up("q1")
    await topology.run_questions()
    assert topology.response().status == "answered"


async def test_nobody_cancels_another_tenants_question(topology: Topology) -> None:
    """An id is not a right."""
    await known(topology)
    topology.reader.gate.clear()
    topology.ask(QUESTION)
    await topology.run_questions()
    topology.hang_up("q1", tenant="umbrella")
    await topology.run_questions()
    topology.reader.gate.set()
    await turns()
    assert topology.response().status == "answered"


async def test_no_more_questions_run_at_once_than_allowed(topology: Topology) -> None:
    """The others wait, and are answered when there is room."""
    await known(topology)
    topology.reader.gate.clear()
    allowed = topology.settings.limits.concurrent_answers
    for number in range(allowed + 5):
        topology.ask(QUESTION, f"q{number}")
    await topology.admission.drain()
    delivering = asyncio.create_task(topology.answerer.drain())
    await turns()
    assert len(topology.reader.generations) == allowed
    topology.reader.gate.set()
    await delivering
    await turns()
    assert len({one.query_id for one in topology.responses()}) == allowed + 5


async def test_a_question_under_the_wrong_key_is_keyed_anew(topology: Topology) -> None:
    """And answered once."""
    await known(topology)
    value = json.encode({"query_id": "q1", "text": QUESTION, "tenant": "acme"})
    topology.log.append("queries", "somebody", value)
    topology.log.append("queries", None, value)
    await topology.run_questions()
    assert topology.response().status == "answered"
    assert [r.key for r in topology.log.all("queries")].count(b"acme") == 2


BAD_QUESTIONS: dict[str, bytes] = {
    "not JSON": b"{",
    "a wrong field": json.encode({"query_id": "q1", "tenant": "acme", "text": 7}),
    "a negative top_k": json.encode(
        {"query_id": "q1", "tenant": "acme", "text": "why?", "top_k": -1}
    ),
    "a megabyte": json.encode({"query_id": "q1", "tenant": "acme", "text": "why? " * 200_000}),
    "no tenant": json.encode({"query_id": "q1", "text": "why?"}),
    "a lone surrogate": rb'{"query_id": "q1", "tenant": "acme", "text": "\ud800"}',
}


@pytest.mark.parametrize("case", BAD_QUESTIONS)
async def test_a_bad_question_is_put_aside_and_refused(topology: Topology, case: str) -> None:
    """Who asked is told, where the record says who that is; the stream goes on."""
    await known(topology)
    value = BAD_QUESTIONS[case]
    origin = topology.log.append("queries", "acme", value)
    topology.ask(QUESTION, "good")
    await topology.run_questions()
    (letter,) = topology.dead_letters()
    assert (letter.topic, letter.partition, letter.offset) == ("queries", *origin[1:])
    assert letter.value == (value if len(value) < 500_000 else None)
    assert topology.response("good").status == "answered"
    told = case not in ("not JSON", "no tenant", "a lone surrogate")
    assert [r.status for r in topology.responses("q1")] == (["refused"] if told else [])


async def test_a_question_that_makes_no_sense_is_refused(topology: Topology) -> None:
    """Well-formed, and still no question: no dead letter, one response."""
    await known(topology)
    topology.ask("   ", "blank")
    topology.ask(QUESTION, "no such day", as_of="2024-02-31T00:00:00Z")
    await topology.run_questions()
    for query_id in ("blank", "no such day"):
        response = topology.response(query_id)
        assert response.status == "refused"
        assert response.error is not None
        assert response.error.type == "invalid_query"
    assert topology.dead_letters() == []


async def test_nonsense_on_the_admitted_topic_is_put_aside(topology: Topology) -> None:
    """The answerer goes on."""
    await known(topology)
    topology.log.append("queries.admitted", "q0", b"[]")
    topology.ask(QUESTION)
    await topology.run_questions()
    assert [letter.topic for letter in topology.dead_letters()] == ["queries.admitted"]
    assert topology.response().status == "answered"
