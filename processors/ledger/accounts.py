"""One bound's account: what was used of it within its window, and what is held."""

from typing import NamedTuple

from processors.ledger.windows import Bucket, meter
from schemas.usage import Bound, Unit, WindowName


class Key(NamedTuple):
    """What an account goes by: with another unit or window it is another one, and empty."""

    budget: str
    bucket: str
    unit: Unit
    window: WindowName
    calendar: bool
    bursts: bool


def key_of(bound: Bound) -> Key:
    """The account that a bound is about."""
    return _new(
        Key,
        (
            bound.budget,
            bound.bucket,
            bound.unit,
            bound.window,
            bound.calendar,
            bound.burst is not None,
        ),
    )


_new = tuple.__new__
"""What `Key` does with much ado: it is made several times for each decision."""


class Account:
    """What counts against one bound. It is the same whatever the limit is, which may change."""

    __slots__ = ("_open", "bound", "held", "meter")

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        """As the last request under it had it."""
        self.held = 0
        self._open = 0
        self.meter = None if bound.unit == "concurrent" else meter(bound)

    def hold(self, bound: Bound, now: int, amount: int) -> None:
        """Set so much aside."""
        self.bound = bound
        if isinstance(self.meter, Bucket):
            self.meter.drains(bound.limit, now)
        self.held += amount
        self._open += 1

    def release(self, amount: int) -> None:
        """What was set aside is free again."""
        self.held -= amount
        self._open -= 1

    def use(self, now: int, amount: int) -> None:
        """So much was used now."""
        if self.meter is not None and amount:
            self.meter.add(now, amount)

    def used(self, now: int) -> int:
        """What was used and counts."""
        return 0 if self.meter is None else self.meter.used(now)

    def falls_to(self, most: int, now: int) -> int | None:
        """When no more than `most` of what was used counts, holds aside; None for never."""
        if self.meter is None:
            return None if most < 0 else now
        return self.meter.falls_to(most, now)

    def idle(self, now: int) -> bool:
        """Whether it says no more than a new one would."""
        return not self._open and not self.used(now)
