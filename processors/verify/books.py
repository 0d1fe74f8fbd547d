"""What was used and is held under one bound, from its whole history.

By what `schemas.usage` says of windows, and by other arithmetic than the ledger's own: nothing is
ever dropped, and each sum is the difference of two running totals.
"""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from schemas.usage import Bound

_SECOND = 1_000_000
_LENGTH_S = {
    "minute": 60,
    "hour": 60 * 60,
    "day": 24 * 60 * 60,
    "week": 7 * 24 * 60 * 60,
    "month": 30 * 24 * 60 * 60,
}
_STEPS = 600
"""A rolling window moves on in so many steps: what was used counts until its step is out of it."""


class Name(NamedTuple):
    """What tells one book from another."""

    budget: str
    bucket: str
    unit: str
    window: str
    calendar: bool
    bursts: bool

    def __str__(self) -> str:
        kind = "calendar " if self.calendar else "burst " if self.bursts else ""
        window = "" if self.unit == "concurrent" else f" a {kind}{self.window}"
        return f"{f'{self.budget} {self.bucket}'.strip()} ({self.unit}{window})"


def name_of(bound: Bound) -> Name:
    """The book that a bound is kept in."""
    bursts = bound.burst is not None
    return Name(bound.budget, bound.bucket, bound.unit, bound.window, bound.calendar, bursts)


class Book:
    """One bound's history. Times (µs) never go back."""

    def __init__(self, bound: Bound) -> None:
        self.held: dict[str, int] = {}
        """By request."""
        self.most = 0
        """What may count, by the bound as the last request had it that fitted."""
        self._name = name_of(bound)
        self._length = _LENGTH_S[bound.window] * _SECOND
        self._times: list[int] = []
        self._totals = [0]
        """How much had been used before each of the times, and after the last."""
        self._drain = _Drain(bound.limit, self._length)

    @property
    def total(self) -> int:
        """All that was ever used."""
        return self._totals[-1]

    def hold(self, request: str, amount: int, bound: Bound, now: int) -> None:
        """Set an amount aside; from now on the bound's limit is in force."""
        self.held[request] = amount
        self.most = bound.limit if bound.burst is None else bound.burst
        self._drain.goes_by(bound.limit, now)

    def use(self, amount: int, now: int) -> None:
        """An amount was used, of a unit that has a window."""
        if self._name.unit != "concurrent" and amount:
            self._drain.add(amount, self.total, now)
            self._times.append(now)
            self._totals.append(self.total + amount)

    def counts(self, now: int) -> int:
        """What is used within the window, and what is held."""
        return self.used(now) + sum(self.held.values())

    def used(self, now: int) -> int:
        """What is used within the window."""
        if self._name.bursts:
            return self._drain.level(self.total, now)
        return self.total - self._totals[bisect_left(self._times, self._since(now))]

    def _since(self, now: int) -> int:
        """The first moment that still counts."""
        if self._name.calendar:
            return _began(self._name.window, now)
        step = self._length // _STEPS
        return (now - self._length) // step * step


class _Drain:
    """A leaky bucket, by Reich's formula: what is in it is the most, over all moments at which
    something was added, of what was added from then on less what has drained since.

    Reich, "On the integrodifferential equation of Takács I", Annals of Mathematical Statistics 29
    (1958).
    Amounts are times the window's length, so that all are whole.
    """

    def __init__(self, limit: int, length: int) -> None:
        self._limit = limit
        self._length = length
        self._drained = 0
        """What could have drained up to `_at`, had there always been enough."""
        self._at = 0
        self._best: int | None = None

    def goes_by(self, limit: int, now: int) -> None:
        self._drained, self._at = self._by(now), now
        self._limit = limit

    def add(self, amount: int, before: int, now: int) -> None:
        """`before` is the total without this amount."""
        start = self._by(now) - before * self._length
        self._best = start if self._best is None else max(self._best, start)

    def level(self, total: int, now: int) -> int:
        if self._best is None:
            return 0
        level = total * self._length - self._by(now) + self._best
        return max(0, -(-level // self._length))

    def _by(self, now: int) -> int:
        return self._drained + self._limit * (now - self._at)


def _began(window: str, now: int) -> int:
    """When the calendar's window began (UTC; a week on Monday)."""
    moment = datetime.fromtimestamp(now // _SECOND, UTC).replace(second=0)
    if window != "minute":
        moment = moment.replace(minute=0)
    if window not in ("minute", "hour"):
        moment = moment.replace(hour=0)
    if window == "week":
        moment -= timedelta(days=moment.weekday())
    if window == "month":
        moment = moment.replace(day=1)
    return int(moment.timestamp()) * _SECOND
