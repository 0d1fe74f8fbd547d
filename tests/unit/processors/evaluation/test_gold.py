"""What is right comes from files, from what was answered and from people."""

import pytest

from processors.evaluation.gold import (
    Gold,
    Golds,
    GoldSpan,
    InvalidGold,
    gold_of_labelled,
    gold_of_outcome,
    parse,
)
from processors.feedback.dataset import LabelledAnswer
from schemas.responses import Error
from tests.doubles.outcomes import outcome, passage


def labelled(**fields: object) -> LabelledAnswer:
    plain: dict[str, object] = dict.fromkeys(LabelledAnswer.__struct_fields__)
    plain |= {"query_id": "q", "status": "answered", "answer": "Soon.", "cited": ["p", "p"]}
    return LabelledAnswer(**{**plain, **fields})  # type: ignore[arg-type]


def test_a_question_is_found_by_its_id_else_by_its_text() -> None:
    """Blanks and capitals do not count, and the id comes first."""
    by_id, by_text = Gold(query_id="q1", label="x"), Gold(question="When  do POOLS close?")
    golds = Golds([by_id, by_text])
    assert golds.of(outcome("q1")) is by_id
    assert golds.of(outcome("q2")) is by_text
    assert golds.of(outcome("q3", question="Who?")) is None
    assert len(golds) == 2


def test_two_of_one_question_are_refused() -> None:
    """Which of them should count?"""
    with pytest.raises(InvalidGold, match="two gold questions"):
        Golds([Gold(question="Who?"), Gold(question="who?")])


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b'{"question": 5}',
        b'{"question": "Who?", "answer": "x"}',
        b'{"answers": ["x"]}',
        b'{"question": "Who?"}',
        b'{"question": "Who?", "spans": [{"doc_id": "a", "start": 5, "end": 5}]}',
        b'{"question": "\xff"}',
    ],
)
def test_a_line_that_cannot_be_used_is_named(line: bytes) -> None:
    """By its number, whatever is wrong with it; a misspelt field is wrong, too."""
    with pytest.raises(InvalidGold, match="line 3"):
        parse([b'{"question": "Who?", "answers": ["x"]}\n', b"\n", line])


def test_the_answer_that_was_given_is_the_reference() -> None:
    """With what it cites; what failed says nothing."""
    cited = passage("a", 10, 20)
    assert gold_of_outcome(outcome("q", cited=[cited])) == Gold(
        query_id="q", answers=["Soon."], spans=[GoldSpan("a", 10, 20)], label="answered"
    )
    refused = gold_of_outcome(outcome("q", status="unanswerable"))
    assert refused == Gold(query_id="q", label="unanswerable")
    assert gold_of_outcome(outcome("q", status="failed")) is None
    gone = Error(type="as_of_beyond_horizon", message="gone")
    assert gold_of_outcome(outcome("q", unreplayed=gone)) is None


def test_what_people_say_is_the_reference() -> None:
    """A correction, else an answer that they call grounded; else nothing is known."""
    corrected = gold_of_labelled(labelled(correction="Late.", grounded=True))
    assert corrected == Gold(query_id="q", answers=["Late."], label="answered")
    liked = gold_of_labelled(labelled(grounded=True))
    assert liked == Gold(query_id="q", answers=["Soon."], passages=["p"], label="answered")
    assert gold_of_labelled(labelled(grounded=False)) is None
    assert gold_of_labelled(labelled()) is None
    assert gold_of_labelled(labelled(grounded=True, answer=None, status=None)) is None
