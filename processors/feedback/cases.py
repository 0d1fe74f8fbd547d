"""What is remembered of one answer for the join, and where it is kept."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from processors.feedback.opinion import Voice
from schemas.evaluations import Evaluation, Score

SCORE = "groundedness"
RAW_SCORE = "groundedness_raw"
"""What the model itself said, where a calibrated version judged: what the next one is fitted to."""
GROUNDED_LABEL = "grounded"

_THE_MODEL = "1"
"""The version of every judge that is the model's own word."""


class Judged(Struct, frozen=True, kw_only=True):
    """The judge's side."""

    tenant: str
    route: str
    judge: str
    at: int
    answered_at: int
    """When the answer was given; when it was judged, where that is not said."""
    probability: float | None
    """Of being grounded, as the judge gave it; None where it gave none."""
    raw: float | None
    """As the model itself gave it, before any calibration; None where that is not known."""
    label: str | None

    @property
    def grounded(self) -> bool | None:
        """Its verdict; None where there was nothing to judge, or judging failed."""
        return None if self.probability is None else self.label == GROUNDED_LABEL

    def replaces(self, other: "Judged") -> bool:
        """Only what is newer does, so that one delivered again changes nothing; and only of the
        same tenant, so that nobody can take another's answer over by its id."""
        return self.tenant == other.tenant and (self.at, self.judge) > (other.at, other.judge)


class Case(Struct, frozen=True, kw_only=True):
    """One answer: the newest evaluation of it, and its people's voices."""

    query_id: str
    until: int
    """The event time at which it is to be looked at again: something has waited long enough."""
    judged: Judged | None = None
    voices: tuple[Voice, ...] = ()
    seen: tuple[bytes, ...] = ()
    """Digests of the ids of feedback that came, the oldest first."""


class Store(Protocol):
    """Cases by `query_id`."""

    def get(self, query_id: str) -> Case | None:
        """The case, or None."""
        ...

    def put(self, case: Case) -> None:
        """Keep a case in place of any other of its `query_id`."""
        ...

    def expire(self, now: int) -> Sequence[Case]:
        """Remove the cases with `until <= now`, and give them by `until`, then `query_id`."""
        ...


class MemoryStore:
    """A `Store` in memory, for replays and tests."""

    def __init__(self, state: bytes | None = None) -> None:
        """Start anew, or from what `snapshot` gave."""
        kept = [] if state is None else msgspec.msgpack.decode(state, type=list[Case])
        self._cases = {case.query_id: case for case in kept}

    def get(self, query_id: str) -> Case | None:
        """The case, or None."""
        return self._cases.get(query_id)

    def put(self, case: Case) -> None:
        """Keep a case."""
        self._cases[case.query_id] = case

    def expire(self, now: int) -> Sequence[Case]:
        """Remove and give what is due."""
        due = [case for case in self._cases.values() if case.until <= now]
        for case in due:
            del self._cases[case.query_id]
        return sorted(due, key=lambda case: (case.until, case.query_id))

    def all(self) -> list[Case]:
        """Every case, by `query_id`."""
        return [self._cases[query_id] for query_id in sorted(self._cases)]

    def snapshot(self) -> bytes:
        """All cases."""
        return msgspec.msgpack.encode(self.all())


def judged_of(evaluation: Evaluation) -> Judged:
    """What the join needs of an evaluation."""
    score = _score(evaluation, SCORE)
    probability = _probability(score)
    raw = _probability(_score(evaluation, RAW_SCORE))
    if raw is None and evaluation.judge.rpartition("@")[2] == _THE_MODEL:
        raw = probability
    answered_at = evaluation.answered_at
    return Judged(
        tenant=evaluation.tenant,
        route=evaluation.labels.get("route", ""),
        judge=evaluation.judge,
        at=evaluation.at,
        answered_at=evaluation.at if answered_at is None else answered_at,
        probability=probability,
        raw=raw,
        label=None if score is None else score.label,
    )


def _score(evaluation: Evaluation, name: str) -> Score | None:
    return next((one for one in evaluation.scores if one.name == name), None)


def _probability(score: Score | None) -> float | None:
    if score is None or score.error or score.score is None:
        return None
    return score.score if 0 <= score.score <= 1 else None
