"""What people hold of an answer: labels before thumbs, reviewers before users, majority."""

import pytest

from processors.feedback.opinion import Opinion, Voice, opinion_of, voice_of
from schemas.feedback import Feedback
from tests.unit.processors.feedback.stories import feedback


def voices(*given: Feedback) -> list[Voice]:
    return [voice_of(one, event_id=str(at), at=at) for at, one in enumerate(given)]


@pytest.mark.parametrize(
    ("given", "grounded"),
    [
        (feedback(rating=1), True),
        (feedback(rating=-1), False),
        (feedback(rating=0), None),
        (feedback(rating=0, labels=[" Hallucination "]), False),
        (feedback(rating=-1, labels=["grounded", "too long"]), True),
        (feedback(rating=1, labels=["grounded", "incorrect"]), None),
        (feedback(rating=1, labels=["too long"]), True),
    ],
)
def test_a_voice_is_its_label_and_else_its_thumb(given: Feedback, grounded: bool | None) -> None:
    """Labels that contradict each other say nothing; those about other things are no verdict."""
    assert voices(given)[0].grounded is grounded


def test_a_reviewers_verdict_outranks_any_number_of_thumbs() -> None:
    """A user's label is worth a thumb: who it was is not known."""
    found = opinion_of(
        voices(
            feedback(rating=1, labels=["correct"]),
            feedback(rating=1, reviewer="ben"),
            feedback(rating=0, reviewer="ana", labels=["ungrounded"]),
        )
    )
    assert found == Opinion(False, "verdict")


def test_reviewers_who_contradict_each_other_are_outvoted_or_give_no_label() -> None:
    """A tie of verdicts is not decided by thumbs."""
    tie = voices(
        feedback(labels=["grounded"], reviewer="ana"),
        feedback(labels=["incorrect"], reviewer="ben"),
        feedback(rating=1),
    )
    third = voices(feedback(labels=["correct"], reviewer="cleo"))
    assert opinion_of(tie) is None
    assert opinion_of([*tie, *third]) == Opinion(True, "verdict")


def test_nobody_has_no_opinion() -> None:
    """Nor has who took it back."""
    assert opinion_of([]) is None
    assert opinion_of(voices(feedback(rating=0))) is None
