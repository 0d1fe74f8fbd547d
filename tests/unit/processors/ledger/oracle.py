"""The ledger by brute force: every question is answered by going over every entry there was."""

from fractions import Fraction

from processors.ledger.windows import LENGTH, STEPS, end_of
from schemas.usage import Bound, Charge, Released, Reserved, Settled
from tests.unit.processors.ledger.entries import Entry

HOUR = 3600 * 1_000_000


class Grant:
    """A reservation that was granted, and its end."""

    def __init__(self, asked: Reserved, tokens: int, bounds: list[Bound]) -> None:
        self.asked = asked
        self.tokens = tokens
        self.bounds = bounds
        self.end: Entry | None = None

    def is_under(self, bound: Bound) -> bool:
        """Whether it is charged to it."""
        return any((b.budget, b.bucket) == (bound.budget, bound.bucket) for b in self.bounds)

    def held(self, bound: Bound) -> int:
        """What it holds of a bound."""
        if self.end is not None or not self.is_under(bound):
            return 0
        price = self.asked.price
        dearest = max(price.input, price.output) if price else 0
        return {"tokens": self.tokens, "nanousd": self.tokens * dearest}.get(bound.unit, 1)

    def used(self, bound: Bound) -> int:
        """What it has used of a bound, for however long that counts."""
        if self.end is None or not self.is_under(bound) or isinstance(self.end[0], Released):
            return 0
        end = self.end[0]
        assert isinstance(end, Settled)
        spent = {"tokens": end.input_tokens + end.output_tokens, "nanousd": end.nanousd}
        return spent.get(bound.unit, 1 if bound.unit == "requests" else 0)


class Oracle:
    """As `Ledger`, slowly."""

    def __init__(self) -> None:
        self.grants: list[Grant] = []

    def observe(self, entry: Entry) -> int | None:
        """Take a record; gives what a reservation is granted."""
        event, now = entry
        mine = [one for one in self.grants if one.asked.request_id == event.request_id]
        if not isinstance(event, Reserved):
            for grant in mine:
                grant.end = grant.end or entry
            return None
        for grant in mine:
            if grant.end is None:
                return grant.tokens
            if isinstance(grant.end[0], Settled) and grant.end[1] + HOUR > now:
                return grant.tokens
        return self._reserve(event, now)

    def counted(self, bound: Bound, now: int) -> int:
        """What is held and used of a bound at a moment."""
        held = sum(grant.held(bound) for grant in self.grants)
        ends = sorted(
            (grant.end[1], grant.used(bound)) for grant in self.grants if grant.end is not None
        )
        return held + _used(bound, ends, now)

    def _reserve(self, asked: Reserved, now: int) -> int | None:
        granted, bounds = asked.tokens, []
        for charge in asked.charges:
            room, bound = self._place(charge, asked, now)
            bounds.append(bound)
            if not charge.shadow:
                granted = min(granted, room)
        if granted < min(asked.least, asked.tokens):
            return None
        self.grants.append(Grant(asked, granted, bounds))
        return granted

    def _place(self, charge: Charge, asked: Reserved, now: int) -> tuple[int, Bound]:
        own = self._room(charge, asked, now)
        if charge.pool is None or own >= asked.tokens:
            return own, charge
        pool = self._room(charge.pool, asked, now)
        return (pool, charge.pool) if pool > own and not charge.shadow else (own, charge)

    def _room(self, bound: Bound, asked: Reserved, now: int) -> int:
        left = bound.usable - self.counted(bound, now)
        price = asked.price
        if bound.unit == "tokens":
            return left
        if bound.unit == "nanousd":
            return left // max(price.input, price.output) if price else asked.tokens
        return asked.tokens if left >= 1 else -1


def _used(bound: Bound, ends: list[tuple[int, int]], now: int) -> int:
    if bound.unit == "concurrent":
        return 0
    length = LENGTH[bound.window]
    if bound.burst is not None:
        level, last = Fraction(0), 0
        for at, amount in [*ends, (now, 0)]:
            level = max(Fraction(0), level - Fraction(bound.limit * (at - last), length)) + amount
            last = at
        return -(-level.numerator // level.denominator)
    if bound.calendar:
        this = end_of(bound.window, now)
        return sum(amount for at, amount in ends if end_of(bound.window, at) == this)
    step = length // STEPS
    return sum(amount for at, amount in ends if (at // step + 1) * step + length > now)
