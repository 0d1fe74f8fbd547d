"""What was used within a window: one that rolls, one of the calendar, or a bucket that drains.

Times are the ledger's, in microseconds since the epoch, and never go back. To look changes
nothing, so that anybody may ask about a moment that has not come yet.
"""

from collections import deque
from datetime import UTC, datetime
from typing import Protocol

from schemas.usage import Bound, WindowName

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
LENGTH: dict[WindowName, int] = {
    "minute": 60 * _SECOND,
    "hour": 3600 * _SECOND,
    "day": _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
}
"""Of a window that rolls, in microseconds."""
STEPS = 600
"""A window rolls on in so many steps, a minute's in tenths of a second. What was used counts until
the whole step that it fell in has left: never for less than the window."""
_MONDAY = 4 * _DAY
"""The epoch began on a Thursday."""


class Meter(Protocol):
    """What was used, for as long as it counts."""

    def used(self, now: int) -> int:
        """What counts at a moment, which may be later than all that was added."""
        ...

    def add(self, now: int, amount: int) -> None:
        """So much was used now."""
        ...

    def falls_to(self, most: int, now: int) -> int | None:
        """The first moment from `now` on at which no more than `most` counts; None for never."""
        ...


def meter(bound: Bound) -> Meter:
    """An empty one for a bound that has a window."""
    if bound.burst is not None:
        return Bucket(bound.limit, LENGTH[bound.window])
    return Calendar(bound.window) if bound.calendar else Rolling(LENGTH[bound.window])


class Rolling:
    """The last so many microseconds."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._step = length // STEPS
        self._steps: deque[tuple[int, int]] = deque()
        """Until when it counts, and how much it is."""
        self._sum = 0

    def used(self, now: int) -> int:
        """What counts at a moment."""
        left = self._sum
        for until, amount in self._steps:
            if until > now:
                break
            left -= amount
        return left

    def add(self, now: int, amount: int) -> None:
        """So much was used now."""
        steps = self._steps
        while steps and steps[0][0] <= now:
            self._sum -= steps.popleft()[1]
        self._sum += amount
        until = (now // self._step + 1) * self._step + self._length
        if steps and steps[-1][0] == until:
            amount += steps.pop()[1]
        steps.append((until, amount))

    def falls_to(self, most: int, now: int) -> int | None:
        """The first moment from `now` on at which no more than `most` counts."""
        left, at = self._sum, now
        for until, amount in self._steps:
            if left <= most:
                break
            left -= amount
            at = max(now, until)
        return at if left <= most else None


class Calendar:
    """The minute, hour, day, week or month of UTC that it is."""

    def __init__(self, window: WindowName) -> None:
        self._window = window
        self._ends = 0
        self._sum = 0

    def used(self, now: int) -> int:
        """What counts at a moment."""
        return self._sum if now < self._ends else 0

    def add(self, now: int, amount: int) -> None:
        """So much was used now."""
        self._sum = self.used(now) + amount
        if now >= self._ends:
            self._ends = end_of(self._window, now)

    def falls_to(self, most: int, now: int) -> int | None:
        """The first moment from `now` on at which no more than `most` counts."""
        if most < 0:
            return None
        return now if self.used(now) <= most else self._ends


class Bucket:
    """A token bucket, seen from its bottom: what was used drains at the rate of a limit a window.

    Turner, "New directions in communications", IEEE Communications Magazine 24 (1986). Amounts are
    kept times the window's microseconds, so that nothing is ever rounded.
    """

    def __init__(self, limit: int, length: int) -> None:
        self._rate = limit
        self._length = length
        self._filled = 0
        self._at = 0

    def drains(self, limit: int, now: int) -> None:
        """From now on by another limit."""
        if limit != self._rate:
            self._filled, self._at = self._left(now), now
            self._rate = limit

    def used(self, now: int) -> int:
        """What counts at a moment: a part of one counts as one."""
        return -(-self._left(now) // self._length)

    def add(self, now: int, amount: int) -> None:
        """So much was used now."""
        self._filled, self._at = self._left(now) + amount * self._length, now

    def falls_to(self, most: int, now: int) -> int | None:
        """The first moment from `now` on at which no more than `most` counts."""
        over = self._left(now) - most * self._length
        if over <= 0:
            return now
        if most < 0 or not self._rate:
            return None
        return now - (-over // self._rate)

    def _left(self, now: int) -> int:
        return max(0, self._filled - self._rate * max(0, now - self._at))


def end_of(window: WindowName, now: int) -> int:
    """When the calendar's window ends that `now` lies in (UTC; weeks begin on Mondays)."""
    if window == "month":
        day = datetime.fromtimestamp(now // _SECOND, UTC)
        year, month = divmod(day.year * 12 + day.month, 12)
        return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * _SECOND
    length = LENGTH[window]
    begins = _MONDAY if window == "week" else 0
    return (now - begins) // length * length + length + begins
