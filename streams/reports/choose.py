"""Which answers are compared with which: two windows of event time, of bounded size."""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import NamedTuple

from msgspec import Struct

from schemas.common import MAX_INT

REFERENCE = 500
"""The oldest answers that are the reference, where nothing else is asked for."""
CURRENT = 200
"""The newest answers that are looked at, where nothing else is asked for."""
MOST = 2000
"""Answers of a window that is given by its times: of more, so many are drawn evenly."""


class Answer(NamedTuple):
    """What a report has of one answer."""

    at: int
    """Event time, microseconds."""
    query_id: str
    question: str
    figures: Mapping[str, float | None]
    judged_at: int


class Span(NamedTuple):
    """Event times from `since` (included) to `until` (not), in microseconds."""

    since: int = 0
    until: int = MAX_INT

    def __contains__(self, at: object) -> bool:
        return isinstance(at, int) and self.since <= at < self.until


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked for."""

    tenant: str
    route: str | None = None
    """None: all of them."""
    current: Span = Span()
    reference: Span | None = None
    """None: the oldest answers before the current ones."""
    last: int | None = None
    """Look at the newest so many of the current ones."""

    @property
    def project(self) -> str:
        """What Evidently has its reports under."""
        return f"{self.tenant}/{self.route or 'all routes'}"

    @property
    def since(self) -> int:
        """No event that is needed is older."""
        return min(self.current.since, self.reference.since) if self.reference else 0


class Windows(NamedTuple):
    """Both by event time. `drawn_from` is how many there were, where not all could be kept."""

    reference: list[Answer]
    current: list[Answer]
    drawn_from: tuple[int, int]


Rank = Callable[[Answer], int]


class Kept:
    """The `most` answers of the lowest rank, in whatever order they come."""

    def __init__(self, most: int, rank: Rank) -> None:
        self._most = most
        self._rank = rank
        self._heap: list[tuple[int, str]] = []
        self._answers: dict[str, Answer] = {}
        self.seen = 0

    def add(self, answer: Answer) -> None:
        """Take one. Of two evaluations of one answer the newer counts."""
        held = self._answers.get(answer.query_id)
        if held is not None:
            if answer.judged_at > held.judged_at:
                self._answers[answer.query_id] = answer._replace(at=held.at)
            return
        self.seen += 1
        self._answers[answer.query_id] = answer
        entry = (-self._rank(answer), answer.query_id)
        if len(self._heap) < self._most:
            heappush(self._heap, entry)
        else:
            del self._answers[heappushpop(self._heap, entry)[1]]

    def all(self) -> list[Answer]:
        """By event time, then id."""
        return sorted(self._answers.values())


def oldest(answer: Answer) -> int:
    """The oldest come first."""
    return answer.at


def newest(answer: Answer) -> int:
    """The newest come first."""
    return -answer.at


def evenly(answer: Answer) -> int:
    """In an order that has nothing to do with them, and is always the same."""
    return int.from_bytes(blake2b(answer.query_id.encode(), digest_size=8).digest())


class Chooser:
    """Takes answers in any order; keeps no more of them than two windows hold."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._is_open = wanted.last is None and not wanted.current.since
        """Whether it is for us to say where the current window begins."""
        by_time = self._is_open or wanted.last is not None
        self._current = (
            Kept(CURRENT if wanted.last is None else wanted.last, newest)
            if by_time
            else Kept(MOST, evenly)
        )
        self._reference = (
            Kept(REFERENCE, oldest) if wanted.reference is None else Kept(MOST, evenly)
        )

    def add(self, answer: Answer) -> None:
        """Take an answer of the wanted tenant and route."""
        named, current = self._wanted.reference, self._wanted.current
        if answer.at in current and (named is None or answer.at not in named):
            self._current.add(answer)
        if named is not None:
            if answer.at in named:
                self._reference.add(answer)
        elif answer.at < (current.since or current.until):
            self._reference.add(answer)

    def chosen(self) -> Windows:
        """Both windows: no answer is in both."""
        reference, current = self._reference.all(), self._current.all()
        if self._wanted.reference is None and self._is_open:
            reference, current = _parted(reference, current)
        elif self._wanted.reference is None:
            there = {answer.query_id for answer in current}
            reference = [answer for answer in reference if answer.query_id not in there]
        seen = (self._reference.seen, self._current.seen)
        drawn = (0 if self._wanted.reference is None else seen[0], seen[1])
        return Windows(reference, current, drawn)


def _parted(oldest_ones: list[Answer], newest_ones: list[Answer]) -> tuple[list[Answer], ...]:
    """The oldest and, after them, the newest; of fewer than both take, two thirds and a third."""
    every = sorted({one.query_id: one for one in (*oldest_ones, *newest_ones)}.values())
    if len(every) >= REFERENCE + CURRENT:
        return oldest_ones, newest_ones
    cut = len(every) * REFERENCE // (REFERENCE + CURRENT)
    return every[:cut], every[cut:]
