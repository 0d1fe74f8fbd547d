"""What people hold of an answer: voices, and the one opinion that they come to.

A person has one voice an answer: who speaks again replaces it, by event time. All users who give
no name are one person. A reviewer's verdict outranks thumbs.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from schemas.feedback import Feedback

GROUNDED = frozenset({"grounded", "supported", "correct"})
"""Labels that call an answer grounded. Case and blanks around them do not matter."""
UNGROUNDED = frozenset({"ungrounded", "unsupported", "contradicted", "incorrect", "hallucination"})
"""Labels that call it not grounded."""

Basis = Literal["verdict", "thumb"]


class Voice(Struct, frozen=True, kw_only=True):
    """The newest that one person said of one answer."""

    tenant: str
    reviewer: str | None
    event_id: str
    at: int
    """Microseconds since the epoch, event time."""
    grounded: bool | None
    """None: neither, both, or taken back."""
    basis: Basis

    @property
    def person(self) -> tuple[str, str | None]:
        """Whose voice it is."""
        return self.tenant, self.reviewer

    def is_newer_than(self, other: "Voice") -> bool:
        """By event time; of one moment, by id, so that the order of arrival does not matter."""
        return (self.at, self.event_id) > (other.at, other.event_id)


class Opinion(Struct, frozen=True):
    """What people say together, and whether reviewers or thumbs said it."""

    grounded: bool
    basis: Basis


def voice_of(feedback: Feedback, *, event_id: str, at: int) -> Voice:
    """The voice in an event. Labels outrank the thumb beside them."""
    labelled = _labelled(feedback.labels or ())
    says = {-1: False, 0: None, 1: True}[feedback.rating]
    if len(labelled) == 2:
        says = None
    elif labelled:
        says = True in labelled
    is_verdict = bool(labelled) and feedback.reviewer is not None
    return Voice(
        tenant=feedback.tenant,
        reviewer=feedback.reviewer,
        event_id=event_id,
        at=at,
        grounded=says,
        basis="verdict" if is_verdict else "thumb",
    )


def opinion_of(voices: Iterable[Voice]) -> Opinion | None:
    """The majority of the verdicts or, where there is no verdict, of the thumbs; None at a tie."""
    said = [voice for voice in voices if voice.grounded is not None]
    basis: Basis = "verdict" if any(voice.basis == "verdict" for voice in said) else "thumb"
    balance = sum(1 if voice.grounded else -1 for voice in said if voice.basis == basis)
    return Opinion(balance > 0, basis) if balance else None


def _labelled(labels: Iterable[str]) -> set[bool]:
    plain = {label.strip().casefold() for label in labels}
    return {
        grounded for grounded, known in ((True, GROUNDED), (False, UNGROUNDED)) if plain & known
    }
