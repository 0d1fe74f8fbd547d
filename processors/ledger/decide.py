"""Whether a reservation fits its bounds, how much of it, and which accounts it is charged to."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from processors.ledger.accounts import Account, Key, key_of
from schemas.usage import Bound, Charge, Price, Reserved

Also = Mapping[Key, int]
"""Amounts that are to be counted as held, by account."""
NOTHING: Also = MappingProxyType({})
_NONE = -1
"""Less than any request may ask for at least."""


class Decision(NamedTuple):
    """What a reservation comes to."""

    granted: int | None
    """Tokens; None where fewer fit than are of use."""
    short: Charge | None
    """The bound that left the least room, if one left less than was asked for."""
    charged: dict[Key, Bound]
    """The accounts that it is charged to."""
    would_refuse: list[Charge]
    """Those in shadow mode that left less room than is of use."""


class Decider:
    """Decides one reservation by how the accounts stand at a moment.

    Without `holds` it is decided as if every hold of tokens, of money or of a place had come to
    nothing. A held request most likely becomes a used one, so of `requests` holds count even then.
    """

    def __init__(
        self,
        accounts: Mapping[Key, Account],
        asked: Reserved,
        now: int,
        also: Also = NOTHING,
        *,
        holds: bool = True,
    ) -> None:
        self._accounts = accounts
        self._asked = asked
        self._now = now
        self._also = also
        self._holds = holds
        self._dearest = dearest(asked.price)

    def decide(self) -> Decision:
        """Grant the most that fits every bound."""
        asked = self._asked
        granted, short, would_refuse = asked.tokens, None, []
        charged: dict[Key, Bound] = {}
        for charge in asked.charges:
            room, key, bound = self._place(charge)
            charged[key] = bound
            if charge.shadow:
                if room < least(asked):
                    would_refuse.append(charge)
            elif room < granted:
                granted, short = room, charge
        fits = granted >= least(asked)
        return Decision(granted if fits else None, short, charged, would_refuse)

    def _place(self, charge: Charge) -> tuple[int, Key, Bound]:
        """The room for it, in tokens, and where: in the bound's own account or in its pool's."""
        key = key_of(charge)
        room = self._room(charge, key)
        if charge.pool is None or room >= self._asked.tokens:
            return room, key, charge
        pooled = key_of(charge.pool)
        room_there = self._room(charge.pool, pooled)
        if room_there <= room:
            return room, key, charge
        return (room_there, key, charge) if charge.shadow else (room_there, pooled, charge.pool)

    def _room(self, bound: Bound, key: Key) -> int:
        left = bound.usable
        if (account := self._accounts.get(key)) is not None:
            left -= account.used(self._now)
            if self._holds or bound.unit == "requests":
                left -= account.held
        if self._holds:
            left -= self._also.get(key, 0)
        match bound.unit:
            case "tokens":
                return left
            case "nanousd":
                return left // self._dearest if self._dearest else self._asked.tokens
            case _:
                return self._asked.tokens if left > 0 else _NONE


def least(asked: Reserved) -> int:
    """The fewest tokens that are granted."""
    return min(asked.least, asked.tokens)


def dearest(price: Price | None) -> int:
    """Nano-USD that a token costs at most."""
    return 0 if price is None else max(price.input, price.output)


def amount(bound: Bound, tokens: int, price: Price | None) -> int:
    """What a grant of so many tokens holds of a bound, in its unit."""
    match bound.unit:
        case "tokens":
            return tokens
        case "nanousd":
            return tokens * dearest(price)
        case _:
            return 1
