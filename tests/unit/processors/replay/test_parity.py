"""Equal is equal, and a difference says where and what."""

from typing import Any

import pytest

from processors.replay.parity import (
    SHOWN,
    Difference,
    Parity,
    compare_evaluations,
    compare_told,
    unlike,
)
from schemas.evaluations import Evaluation, Score
from schemas.monitoring import Drift, Window

PLACE = "responses/0@7"


def evaluation(score: float | None = 0.5, **more: Any) -> Evaluation:
    scores = [Score(name="groundedness", score=score)]
    fields = {"query_id": "q", "tenant": "acme", "judge": "words@1", "at": 5, **more}
    return Evaluation(scores=scores, **fields)


def drift(at: int = 10, value: float = 1.0) -> Drift:
    window = Window(start=0, end=1, count=1)
    return Drift(
        metric="refusal",
        method="page_hinkley",
        value=value,
        threshold=1.0,
        drifted=True,
        current=window,
        reference=window,
        at=at,
    )


def test_when_and_how_fast_it_was_judged_makes_no_difference() -> None:
    """Only what was found does."""
    parity = Parity()
    compare_evaluations(parity, PLACE, evaluation(at=5, duration_ms=3.0), [evaluation(at=9)])
    assert (parity.parts["evaluations"].compared, parity.differences) == (1, 0)


def test_the_last_digit_of_a_score_is_a_difference() -> None:
    """Told with both values."""
    parity = Parity()
    compare_evaluations(parity, PLACE, evaluation(0.1 + 0.2), [evaluation(0.3)])
    (difference,) = parity.found
    assert difference.where == PLACE
    assert "0.30000000000000004" in difference.message


def test_either_state_of_control_will_do() -> None:
    """Nobody can tell which of the two a judge had."""
    parity = Parity()
    both = [evaluation(judge="words@1"), evaluation(judge="words@2")]
    compare_evaluations(parity, PLACE, evaluation(judge="words@2"), both)
    assert parity.differences == 0


@pytest.mark.parametrize(
    ("online", "replayed", "count"),
    [(None, [evaluation()], 1), (evaluation(), [], 1), (None, [], 0)],
)
def test_what_one_of_the_two_lacks_is_a_difference(
    online: Evaluation | None, replayed: list[Evaluation], count: int
) -> None:
    """What neither has is none."""
    parity = Parity()
    compare_evaluations(parity, PLACE, online, replayed)
    assert parity.differences == count


def test_what_is_not_settled_waits() -> None:
    """Whichever of the two has it; before that it is a difference, and so is a double."""
    parity = Parity()
    compare_told(parity, "drift", {"a": [drift(20)]}, {"b": drift(21)}, settled=20)
    assert (parity.parts["drift"].waiting, parity.differences) == (2, 0)
    compare_told(parity, "drift", {"a": [drift(19)]}, {"b": drift(18)}, settled=20)
    assert parity.differences == 2
    compare_told(parity, "drift", {"c": [drift(), drift()]}, {"c": drift()}, settled=20)
    assert parity.differences == 3
    compare_told(parity, "drift", {"d": [drift(value=2.0)]}, {"d": drift()}, settled=20)
    assert parity.found[-1].message == "value: online 2.0, replayed 1.0"


def test_differences_are_counted_beyond_those_that_are_shown() -> None:
    """So that a report stays one that can be read."""
    parity = Parity()
    for number in range(SHOWN + 5):
        parity.differs(Difference(what="drift", where=str(number), message="x"))
    assert (len(parity.found), parity.differences) == (SHOWN, SHOWN + 5)


def test_a_field_that_only_one_has_is_named() -> None:
    """Absent is not the same as there."""
    found = unlike(evaluation(), evaluation(question="Why?"))
    assert found == ["question: online None, replayed 'Why?'"]
