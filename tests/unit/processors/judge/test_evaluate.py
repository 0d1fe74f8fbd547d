"""One evaluation of one answer: what it is made from, and that it can always be written."""

from collections.abc import Collection, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.judging.request import MOST_BYTES
from processors.index import Access, PassageRow
from processors.judge.evaluate import UNJUDGED, Answered, Evaluator, outcome_of
from processors.judge.findings import Finding, Judged
from processors.judge.scores import Price
from schemas.codec import decode_as, encode
from schemas.evaluations import Evaluation, Score
from schemas.responses import Response, Usage
from tests.doubles.answers import AS_OF, cited, receipt, response
from tests.doubles.judge import WordJudge

TEXT = "The Oder rises in the east."


class Shelf:
    """An index that holds each passage in the versions that are put there."""

    def __init__(self, *versions: tuple[str, int, str]) -> None:
        self.versions = sorted(versions, key=lambda one: one[1])
        self.reads: list[tuple[frozenset[str], int]] = []

    async def passages(
        self, ids: Collection[str], at: int, access: Access
    ) -> dict[str, PassageRow]:
        """The newest of each that was there."""
        assert access == Access()
        self.reads.append((frozenset(ids), at))
        return {
            name: PassageRow(
                passage_id=name,
                valid_from=since,
                doc_id="a",
                title="",
                heading=[],
                text=text,
                units=[],
            )
            for name, since, text in self.versions
            if name in ids and since <= at
        }


class Clock:
    def __init__(self) -> None:
        self.now = AS_OF

    def __call__(self) -> int:
        """A moment later."""
        self.now += 1500
        return self.now


def evaluator(shelf: Shelf | None = None, judge: Any = None, **more: Any) -> Evaluator:
    index: Any = shelf or Shelf(("p", 1, TEXT))
    return Evaluator(indexes=lambda _: index, judge=judge or WordJudge(), clock=Clock(), **more)


def answered(given: Response, question: str | None = "Where?") -> Answered:
    return Answered(response=given, question=question, at=AS_OF)


def named(evaluation: Evaluation) -> dict[str, Score]:
    return {one.name: one for one in evaluation.scores}


async def test_an_evaluation_says_what_it_is_of_and_how_long_it_took():
    """Who asked what, when it was answered, by which versions."""
    found = await evaluator().evaluate(answered(response(TEXT, receipt(["p@1"]))))
    assert (found.query_id, found.tenant, found.question) == ("q-1", "acme", "Where?")
    assert (found.answered_at, found.judge) == (AS_OF, "words@1")
    assert found.at > AS_OF
    assert found.duration_ms == 1.5
    assert found.labels == {
        "status": "answered",
        "route": "default",
        "prompt": "answer@1",
        "model": "extractive@2",
        "index_version": "v1",
    }


async def test_a_failure_is_of_the_way_that_was_gone():
    """It has no receipt that would say so; nor is a shadow's to be taken for an answer."""
    failed = response("", status="failed", route="default/b", shadow_of="q-0")
    found = await evaluator().evaluate(answered(failed))
    assert found.labels == {"status": "failed", "route": "default/b"}
    assert found.shadow_of == "q-0"


async def test_a_shadow_is_judged_as_the_answer_that_was_shown():
    """By the same version of the judge: else the two could not be compared."""
    asked: list[str] = []

    def recalibrate(query_id: str, _route: str, judged: Any) -> Any:
        asked.append(query_id)
        return judged

    one = evaluator(recalibrate=recalibrate)
    for whose in ({"query_id": "q-1"}, {"query_id": "q-1~s", "shadow_of": "q-1"}):
        await one.evaluate(answered(response(TEXT, receipt(["p@1"]), **whose)))
    assert asked == ["q-1", "q-1"]


async def test_passages_are_read_at_the_time_of_the_answer_and_once():
    """The version that the receipt names; a passage never changes under its name."""
    shelf = Shelf(("p", 1, TEXT), ("p", AS_OF + 1, "Nobody knows."))
    one = evaluator(shelf)
    for _ in range(2):
        found = await one.evaluate(answered(response(TEXT, receipt(["p@1"]))))
        assert [claim.verdict for claim in found.claims] == ["supported"]
    assert shelf.reads == [(frozenset({"p"}), AS_OF)]


async def test_a_batch_is_read_at_once_and_what_has_changed_by_itself():
    """Most passages still stand as the newest answer saw them."""
    shelf = Shelf(("p", 1, TEXT), ("q", 1, "Old."), ("q", 50, "New."))
    one = evaluator(shelf)
    old, new = receipt(["p@1", "q@1"], as_of=10), receipt(["p@1", "q@50"], as_of=60)
    await one.prepare([answered(response(TEXT, given)) for given in (old, new)])
    assert shelf.reads == [(frozenset({"p", "q"}), 60), (frozenset({"q"}), 10)]
    await one.prepare([answered(response(TEXT))])
    assert len(shelf.reads) == 2


async def test_a_passage_in_another_version_is_not_taken_for_the_one_that_was_read():
    """What a claim rested on is gone, and that is said."""
    shelf = Shelf(("p", 7, TEXT))
    found = await evaluator(shelf).evaluate(answered(response(TEXT, receipt(["p@1"]))))
    assert [claim.verdict for claim in found.claims] == ["uncheckable"]
    assert outcome_of(found) == "no_claims"


@pytest.mark.parametrize("name", ["", "@", "p", "@1", "p@", "p@one", "a@b@1", "p@1\n"])
async def test_names_of_passages_that_are_none_are_passages_that_are_gone(name: str):
    """A receipt may come from anybody."""
    found = await evaluator().evaluate(answered(response(TEXT, receipt([name]))))
    assert [claim.verdict for claim in found.claims] == ["uncheckable"]
    assert decode_as(Evaluation, encode(found)) == found


async def test_claims_without_any_passage_are_told_apart_from_claims_that_were_judged():
    """No judge has seen them."""
    judge = WordJudge()
    found = await evaluator(judge=judge).evaluate(answered(response(TEXT, receipt())))
    assert (found.judge, judge.asked) == (UNJUDGED, [])
    assert named(found)["groundedness"].score == 0.0
    assert outcome_of(found) == "no_passages"


async def test_an_answer_of_nothing_has_no_groundedness():
    """Nothing was claimed; the rest is told."""
    found = await evaluator().evaluate(answered(response("", receipt(["p@1"]), status="failed")))
    assert "groundedness" not in named(found)
    assert outcome_of(found) == "no_answer"


async def test_a_passage_is_used_that_is_cited_or_that_supports_a_claim():
    """Either way the answer rests on it; a marker beyond the passages is none."""
    shelf = Shelf(("p", 1, TEXT), ("q", 1, "The Elbe."), ("r", 1, "The Rhine."))
    given = receipt(["p@1", "q@1", "r@1"])
    found = await evaluator(shelf).evaluate(
        answered(response(TEXT, given, citations=[cited(2), cited(0), cited(99)]))
    )
    assert named(found)["utilisation"].label == "2 of 3"


async def test_the_longest_answer_with_the_longest_passages_fits_into_one_call():
    """Of the widest characters, as often as an answer is read."""
    judge = WordJudge()
    shelf = Shelf(*((f"p{n}", 1, "𠮷" * 50_000) for n in range(5)))
    text = "".join(f"{'𠮷' * 290} {'𠮷' * 299}. " for _ in range(400))
    given = receipt([f"p{n}@1" for n in range(5)])
    found = await evaluator(shelf, judge).evaluate(answered(response(text, given)))
    ((claims, evidence),) = judge.asked
    assert len(claims) == len(found.claims) > 160
    assert sum(len(one.encode()) for one in (*claims, *evidence)) < MOST_BYTES


async def test_the_models_own_word_stands_beside_a_calibrated_one():
    """The next calibration is learned from it; without one there is nothing to tell apart."""
    plain = named(await evaluator().evaluate(answered(response(TEXT, receipt(["p@1"])))))
    assert "groundedness_raw" not in plain

    def halve(query_id: str, route: str, judged: Judged) -> Judged:
        assert (query_id, route) == ("q-1", "default")
        (one,) = judged.findings
        return Judged([Finding(one.supported / 2, 0.0, "not_in_sources", None, "")], "words@2")

    found = await evaluator(recalibrate=halve).evaluate(answered(response(TEXT, receipt(["p@1"]))))
    assert found.judge == "words@2"
    assert named(found)["groundedness"].score == pytest.approx(0.45)
    assert named(found)["groundedness_raw"].score == pytest.approx(0.9)


async def test_an_answer_that_nothing_can_be_said_of_says_that():
    """Whatever it is that fails: those behind it must not wait."""
    one = evaluator(prices={"extractive@2": Price(input=1.0, output=1.0)})
    usage: Any = Usage(input_tokens="many")  # type: ignore[arg-type]
    found = one.without_judge(answered(response(TEXT, receipt(), usage=usage)), "internal")
    assert [(score.name, score.error) for score in found.scores] == [("groundedness", "internal")]
    assert outcome_of(found) == "not_judged"


names = st.lists(st.text(max_size=12) | st.sampled_from(["p@1", "q@2", "p@2"]), max_size=6)


@given(
    st.text(max_size=120) | st.sampled_from([f"{TEXT} [1] {TEXT} [7][0]", "- a b [2]\n- [1]"]),
    st.none() | st.text(max_size=40),
    names,
    st.sampled_from(["answered", "failed", "unanswerable"]),
    st.lists(st.integers(-1, 9), max_size=3),
)
async def test_every_evaluation_can_be_read_back_from_the_log(
    text: str, question: str | None, passages: Sequence[str], status: Any, markers: Sequence[int]
):
    """Whatever was answered, asked, cited and retrieved."""
    given = receipt(passages, {"oder": 2.0, "null": 1.0})
    citations = [cited(marker) for marker in markers]
    one = response(text, given, status=status, citations=citations)
    found = await evaluator().evaluate(answered(one, question))
    assert decode_as(Evaluation, encode(found)) == found
    assert all(0 <= claim.start < claim.end <= len(text) for claim in found.claims)
