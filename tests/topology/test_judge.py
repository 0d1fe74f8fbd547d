"""Every response is evaluated once, behind the answers, whatever fails."""

from typing import Any

import pytest
from msgspec import structs

from processors.judge.evaluate import UNJUDGED
from schemas.codec import encode
from schemas.control import Calibration, key_of
from schemas.envelope import headers
from schemas.evaluations import Evaluation, Score
from schemas.responses import Response, Usage
from schemas.topics import type_of
from streams.clients.errors import ModelRejected, ModelUnavailable
from tests.topology.driver import Topology
from tests.topology.roles import die, refuse, turns

RIVER = "The river Oder rises in the Czech Republic. It flows into the Baltic Sea at last."
QUESTION = "Where does the river Oder rise?"


def score(evaluation: Evaluation, name: str) -> Score:
    (only,) = [one for one in evaluation.scores if one.name == name]
    return only


def verdicts(evaluation: Evaluation) -> list[str]:
    return [str(claim.verdict) for claim in evaluation.claims]


async def known(topology: Topology) -> None:
    """Two documents in the index."""
    topology.put("oder.md", RIVER, title="Oder")
    topology.put("elbe.md", "The Elbe is another river that flows to the North Sea.", title="Elbe")
    await topology.run()


async def answered(topology: Topology, *pieces: str, query_id: str = "q1") -> Evaluation:
    """What the judge finds in an answer that a test writes."""
    topology.reader.script = lambda _prompt: list(pieces)
    topology.ask(QUESTION, query_id)
    await topology.run()
    return topology.evaluation(query_id)


def respond(topology: Topology, response: Response, time: int | None = None) -> None:
    """A response that another wrote, by its own clock."""
    when = topology.clock() if time is None else time
    name = headers(type_of(response), source="test", time=when)
    topology.log.append("responses", response.query_id, encode(response), name)


async def test_an_answer_is_judged_claim_by_claim(topology: Topology) -> None:
    """Each claim with its place in the answer, its verdict, and the passage@version behind it."""
    await known(topology)
    text = "The river Oder rises in the Czech Republic. [1] It rises in Poland. [1]"
    evaluation = await answered(topology, text)
    first, second = evaluation.claims
    assert text[first.start : first.end].startswith("The river Oder rises")
    assert (first.verdict, second.verdict) == ("supported", "unsupported")
    receipt = topology.response().receipt
    assert receipt is not None
    assert first.support[0].passage == receipt.passages[0]
    assert "poland" in (second.explanation or "")
    groundedness = score(evaluation, "groundedness")
    assert groundedness.label == "partly"
    assert groundedness.score == pytest.approx((0.9 + 0.2) / 2)
    assert evaluation.judge == "words@1"
    assert evaluation.question == QUESTION
    assert evaluation.labels["route"] == "default"


async def test_a_claim_rests_on_what_it_cites(topology: Topology) -> None:
    """What another passage says does not support it; a marker that means nothing, even less."""
    await known(topology)
    evaluation = await answered(
        topology, "The Elbe flows to the North Sea. [1] It flows into the Baltic Sea. [9]"
    )
    assert verdicts(evaluation) == ["unsupported", "unsupported"]
    assert "[9]" in (evaluation.claims[1].explanation or "")


async def test_a_contradiction_is_told_from_silence(topology: Topology) -> None:
    """By the word that speaks against it."""
    await known(topology)
    evaluation = await answered(topology, "The river Oder does not rise in the Czech Republic.")
    topology.judge_model.asked.clear()
    assert verdicts(evaluation) == ["unsupported"]
    evaluation = await answered(
        topology, "The river Oder rises not in the Czech Republic.", query_id="q2"
    )
    assert verdicts(evaluation) == ["contradicted"]
    assert score(evaluation, "groundedness").label == "contradicted"


async def test_what_does_not_answer_gets_its_other_scores(topology: Topology) -> None:
    """A refusal has no groundedness; it is a refusal, in so much time."""
    await known(topology)
    evaluation = await answered(topology, "UNANSWERABLE")
    assert [one.name for one in evaluation.scores if one.name == "groundedness"] == []
    assert score(evaluation, "refusal").score == 1.0
    assert score(evaluation, "error").score == 0.0
    assert evaluation.judge == UNJUDGED


async def test_a_failure_is_evaluated_too(topology: Topology) -> None:
    """As an error: one event for each response, whatever it is."""
    await known(topology)
    topology.embedder.fault = ModelRejected("too strange")
    topology.ask(QUESTION)
    await topology.run()
    assert score(topology.evaluation(), "error").label == "invalid_query"


async def test_an_answer_without_claims_is_said_to_have_none(topology: Topology) -> None:
    """Code and questions assert nothing."""
    await known(topology)
    evaluation = await answered(topology, "```\nprint(1)\n```\n\nIs that so?")
    assert set(verdicts(evaluation)) == {"uncheckable"}
    assert score(evaluation, "groundedness").label == "not_checkable"
    assert score(evaluation, "groundedness").score is None


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "The river Oder rises in the Czech Republic. " * 2500,
        "奥得河发源于捷克共和国。它流入波罗的海。",
        "| river | rises |\n| --- | --- |\n| Oder | Czech Republic |\n",
        "```python\nx = 1\n```",
        "a \ud7ff\u200b\u0000b [1][1][1]",
        "[1]",
    ],
    ids=["one word", "100 kB", "Chinese", "a table", "code", "odd characters", "a marker"],
)
async def test_odd_answers_are_evaluated(topology: Topology, text: str) -> None:
    """Bounded in claims and in size, and never a crash."""
    await known(topology)
    evaluation = await answered(topology, text)
    assert len(evaluation.claims) <= 512
    for claim in evaluation.claims:
        assert 0 <= claim.start < claim.end <= len(text)


async def test_a_citation_of_what_is_gone_cannot_be_checked(topology: Topology) -> None:
    """The horizon has passed it: nobody can say any more whether it was right."""
    await known(topology)
    topology.reader.script = lambda _prompt: [RIVER.partition(" It")[0], " [1]"]
    topology.ask(QUESTION)
    await topology.admission.drain()
    await topology.answerer.drain()
    topology.delete("oder.md")
    topology.delete("elbe.md")
    await topology.index_all()
    await topology.index.collect(topology.clock())
    await topology.judge.drain()
    (claim,) = topology.evaluation().claims
    assert claim.verdict == "uncheckable"
    assert "no longer" in (claim.explanation or "")


async def test_a_passage_is_judged_as_it_was(topology: Topology) -> None:
    """By the version that the receipt names, not by the one of today."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.admission.drain()
    await topology.answerer.drain()
    topology.put("oder.md", RIVER.replace("Czech Republic", "mountains of Moravia"), title="Oder")
    await topology.index_all()
    await topology.judge.drain()
    assert verdicts(topology.evaluation()) == ["supported"]


async def test_a_judge_that_is_away_is_waited_for(topology: Topology) -> None:
    """Answers go on without it, and nothing is shed."""
    await known(topology)
    topology.judge_model.gate.clear()
    for number in range(5):
        topology.ask(QUESTION, f"q{number}")
    await topology.admission.drain()
    await topology.answerer.drain()
    assert len(topology.responses()) == 5
    topology.judge_model.gate.set()
    await topology.judge.drain()
    assert len(topology.evaluations()) == 5


@pytest.mark.parametrize("fault", [ModelRejected("too much"), RuntimeError("a bug")])
async def test_what_cannot_be_judged_is_said_to_be_so(topology: Topology, fault: Any) -> None:
    """With the scores that need no judge."""
    await known(topology)
    topology.judge_model.fault = fault
    topology.ask(QUESTION)
    await topology.run()
    groundedness = score(topology.evaluation(), "groundedness")
    assert groundedness.error in ("model_rejected", "internal")
    assert groundedness.score is None
    assert score(topology.evaluation(), "answer_words").score is not None


async def test_a_response_that_is_none_is_put_aside(topology: Topology) -> None:
    """And those after it are evaluated."""
    await known(topology)
    topology.log.append("responses", "q0", b"{}", (), 0)
    topology.log.append("responses", "q0", None, (), 0)
    topology.ask(QUESTION)
    await topology.run()
    assert [letter.role for letter in topology.dead_letters()] == ["judge", "judge"]
    assert len(topology.evaluations()) == 1


async def test_a_response_without_a_question_is_judged_without_it(topology: Topology) -> None:
    """Where the log no longer has it, nothing is made up."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.run()
    respond(topology, structs.replace(topology.response(), query_id="another"))
    await topology.judge.drain()
    evaluation = topology.evaluation("another")
    assert evaluation.question is None
    assert verdicts(evaluation) == ["supported"]


@pytest.mark.parametrize("after", range(4))
async def test_a_judge_that_dies_gives_exactly_one_evaluation(
    topology: Topology, after: int
) -> None:
    """Before, between and behind the records of a batch."""
    await known(topology)
    for number in range(4):
        topology.ask(QUESTION, f"q{number}")
    await topology.admission.drain()
    await topology.answerer.drain()
    topology.log.before_append = refuse("evaluations", after=after)
    await topology.judge.dies()
    topology.heal()
    await topology.judge.start()
    await topology.judge.drain()
    assert sorted(one.query_id for one in topology.evaluations()) == ["q0", "q1", "q2", "q3"]
    assert all(one.question == QUESTION for one in topology.evaluations())


async def test_a_judge_that_dies_before_it_commits_evaluates_nothing_again(
    topology: Topology,
) -> None:
    """The evaluations themselves say how far it had come."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.admission.drain()
    await topology.answerer.drain()
    topology.judge.group.before_ack = die
    await topology.judge.dies()
    topology.heal()
    await topology.judge.start()
    await topology.judge.drain()
    assert len(topology.evaluations()) == 1


async def test_a_partition_that_was_another_judges_is_not_evaluated_again(
    topology: Topology,
) -> None:
    """Taken away and given back between two batches."""
    await known(topology)
    topology.ask(QUESTION, "q1")
    await topology.run()
    partitions = topology.judge.partitions
    place = topology.judge.group.place()
    await topology.judge.handler.revoke(partitions)
    topology.ask(QUESTION, "q2")
    await topology.admission.drain()
    await topology.answerer.drain()
    another = topology.another_judge()
    await another.start()
    await another.drain()
    await another.crash()
    topology.judge.group.seek(place)
    await topology.judge.handler.assign(partitions)
    await topology.judge.drain()
    assert sorted(one.query_id for one in topology.evaluations()) == ["q1", "q2"]


async def test_a_calibration_counts_from_when_it_is_made(topology: Topology) -> None:
    """Its version is what the evaluation names, and its curve what the scores mean."""
    await known(topology)
    topology.ask(QUESTION, "before")
    await topology.run()
    calibration = Calibration(
        revision=1,
        by="somebody",
        why="a test",
        at=topology.clock(),
        name="words",
        version=2,
        method="platt",
        points=[(0.0, 0.0), (1.0, 0.5)],
        threshold=0.5,
        labels=40,
        share=1.0,
    )
    name = headers(type_of(calibration), source="test", time=topology.clock())
    topology.log.append("control", key_of(calibration), encode(calibration), name)
    await turns()
    topology.ask(QUESTION, "after")
    await topology.run()
    assert verdicts(topology.evaluation("before")) == ["supported"]
    after = topology.evaluation("after")
    assert after.judge == "words@2"
    assert verdicts(after) == ["unsupported"]
    assert score(after, "groundedness").score == pytest.approx(0.45)
    assert score(after, "groundedness_raw").score == pytest.approx(0.9)


async def test_a_judge_that_is_unavailable_is_asked_again(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it answers."""
    monkeypatch.setattr("streams.workers.patience._PAUSES_S", (0.0,))
    await known(topology)
    judge, failures = topology.judge_model.judge, iter([ModelUnavailable("away")] * 3)

    async def sometimes(*arguments: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return await judge(*arguments)

    monkeypatch.setattr(topology.judge_model, "judge", sometimes)
    topology.ask(QUESTION)
    await topology.run()
    assert verdicts(topology.evaluation()) == ["supported"]


@pytest.mark.parametrize("time", [-62_135_596_800_000_000, 1, 253_402_300_799_000_000])
async def test_a_response_with_an_impossible_time_holds_nobody_up(
    topology: Topology, time: int
) -> None:
    """Of the year 1, 1970 or 9999: it was not given after the broker had it, nor before time."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.admission.drain()
    await topology.answerer.drain()
    respond(topology, structs.replace(topology.response(), query_id="another"), time)
    await topology.judge.drain()
    assert topology.evaluation().question == QUESTION
    given = topology.evaluation("another").answered_at
    assert given is not None
    assert 0 < given <= topology.clock()


async def test_a_response_with_absurd_usage_is_evaluated(topology: Topology) -> None:
    """Anybody may write a response: no number in it stops the judge."""
    await known(topology)
    topology.ask(QUESTION)
    await topology.run()
    usage = Usage(input_tokens=10**400, output_tokens=1)
    respond(topology, structs.replace(topology.response(), query_id="another", usage=usage))
    await topology.judge.drain()
    assert verdicts(topology.evaluation("another")) == ["supported"]
