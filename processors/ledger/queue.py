"""Who may try for a reservation now, who waits for what others hold, and who has waited in vain.

Requests that share a bound are tried by priority and then in order of arrival: one that does not
fit yet holds back those behind it, so that none waits for ever while smaller ones pass.
"""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from processors.ledger.accounts import Key, key_of
from processors.ledger.decide import Decision, amount
from processors.ledger.ledger import Ledger, Verdict
from schemas.usage import Charge, Priority, Reserved

AGAIN = 50_000
"""Microseconds until a request that another worker was faster than may be tried once more."""
_ORDER: tuple[Priority, ...] = ("high", "normal", "low")

_Item = TypeVar("_Item")


class Waiting(Generic[_Item]):
    """A request that nothing is decided of."""

    __slots__ = ("_keys", "asked", "held", "item", "not_before", "trying", "until")

    def __init__(self, asked: Reserved, until: int, item: _Item) -> None:
        self.asked = asked
        self.until = until
        """It may wait no longer."""
        self.item = item
        self._keys: frozenset[Key] | None = None
        self.not_before = 0
        self.trying = False
        self.held: dict[Key, int] = {}
        """What it asks for, while it is tried."""

    @property
    def keys(self) -> frozenset[Key]:
        """The accounts that it may be charged to."""
        if self._keys is None:
            self._keys = frozenset(_keys(self.asked))
        return self._keys


class Step(NamedTuple, Generic[_Item]):
    """What is to be done now."""

    tries: list[Waiting[_Item]]
    """Write their reservations in this order, and say by `tried` what came of each."""
    known: list[Waiting[_Item]]
    """They are held, or settled, since an earlier try. They have left the queue."""
    refused: list[tuple[Waiting[_Item], Charge]]
    """They do not fit, for this bound. They have left the queue."""


class Queue(Generic[_Item]):
    """Goes by one worker's view of the ledger. What it lets try may still be refused there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: dict[Priority, dict[Waiting[_Item], None]] = {one: {} for one in _ORDER}
        self._on_its_way: dict[Key, int] = {}
        self._trying = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def parked(self) -> int:
        """How many wait and are not tried at this moment."""
        return len(self) - self._trying

    def add(self, asked: Reserved, until: int, item: _Item) -> None:
        """At the end of its priority; it may wait until the time `until`."""
        self._waiting[asked.priority][Waiting(asked, until, item)] = None

    def drop(self, gone: Callable[[_Item], bool]) -> None:
        """Forget those of whom `gone` holds, unless they are tried at this moment."""
        for waiting in self._waiting.values():
            for one in [one for one in waiting if not one.trying and gone(one.item)]:
                del waiting[one]

    def step(self, now: int) -> Step[_Item]:
        """Go through all that wait, in order."""
        found: Step[_Item] = Step([], [], [])
        held_back: set[Key] = set()
        for waiting in self._waiting.values():
            for one in waiting:
                if not one.trying:
                    self._look_at(one, now, held_back, found)
        for one in (*found.known, *(each for each, _ in found.refused)):
            self._leaves(one)
        return found

    def tried(self, one: Waiting[_Item], verdict: Verdict, now: int) -> bool:
        """Take the verdict on one that was let try; True where it has left the queue, granted or
        because it may wait no longer."""
        on_its_way = self._on_its_way
        for key, held in one.held.items():
            on_its_way[key] -= held
            if not on_its_way[key]:
                del on_its_way[key]
        one.held.clear()
        one.trying, one.not_before = False, now + AGAIN
        self._trying -= 1
        if verdict.granted is None and one.until > now:
            return False
        self._leaves(one)
        return True

    def _look_at(
        self, one: Waiting[_Item], now: int, held_back: set[Key], found: Step[_Item]
    ) -> None:
        if self._ledger.known(one.asked.request_id) is not None:
            found.known.append(one)
        elif one.until > now and one.not_before > now:
            held_back |= one.keys
        elif one.until <= now or not held_back or held_back.isdisjoint(one.keys):
            self._decide(one, now, held_back, found)

    def _decide(
        self, one: Waiting[_Item], now: int, held_back: set[Key], found: Step[_Item]
    ) -> None:
        decision = self._ledger.preview(one.asked, now, self._on_its_way)
        granted, short = decision.granted, decision.short
        if short is not None and one.until > now and self._may_come_to_more(one, granted, now):
            held_back.add(key_of(short))
        elif granted is not None:
            self._lets_try(one, decision, granted)
            found.tries.append(one)
        else:
            assert short is not None
            found.refused.append((one, short))

    def _lets_try(self, one: Waiting[_Item], decision: Decision, granted: int) -> None:
        one.trying = True
        self._trying += 1
        for key, bound in decision.charged.items():
            held = one.held[key] = amount(bound, granted, one.asked.price)
            self._on_its_way[key] = self._on_its_way.get(key, 0) + held

    def _may_come_to_more(self, one: Waiting[_Item], granted: int | None, now: int) -> bool:
        """Whether it is others' holds that leave too little room, which may come to less."""
        without = self._ledger.preview(one.asked, now, holds=False).granted
        return without is not None and (granted is None or without > granted)

    def _leaves(self, one: Waiting[_Item]) -> None:
        del self._waiting[one.asked.priority][one]


def _keys(asked: Reserved) -> Iterator[Key]:
    for charge in asked.charges:
        if not charge.shadow:
            yield key_of(charge)
            if charge.pool is not None:
                yield key_of(charge.pool)
