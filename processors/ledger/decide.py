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


class Room:
    """How much room bounds leave at a moment.

    `holds` False: as if every hold of tokens, of money or of a place came to nothing. A held
    request most likely becomes a used one, so of `requests` holds count even then.
    """

    __slots__ = ("_accounts", "_also", "_holds", "_now")

    def __init__(
        self, accounts: Mapping[Key, Account], now: int, also: Also = NOTHING, holds: bool = True
    ) -> None:
        self._accounts = accounts
        self._now = now
        self._also = also
        self._holds = holds

    def decide(self, asked: Reserved) -> Decision:
        """Grant the most that fits every bound."""
        tokens, least_ = asked.tokens, least(asked)
        granted, short, would_refuse = tokens, None, []
        charged: dict[Key, Bound] = {}
        for charge in asked.charges:
            key = key_of(charge)
            bound: Bound = charge
            room = self._left(charge, key, tokens, asked.price)
            if room < tokens and charge.pool is not None:
                pooled = key_of(charge.pool)
                there = self._left(charge.pool, pooled, tokens, asked.price)
                if there > room:
                    room = there
                    if not charge.shadow:
                        key, bound = pooled, charge.pool
            charged[key] = bound
            if charge.shadow:
                if room < least_:
                    would_refuse.append(charge)
            elif room < granted:
                granted, short = room, charge
        return Decision(granted if granted >= least_ else None, short, charged, would_refuse)

    def _left(self, bound: Bound, key: Key, tokens: int, price: Price | None) -> int:
        """In tokens, where so many are asked for."""
        left = bound.usable
        account = self._accounts.get(key)
        if account is not None:
            left -= account.used(self._now)
            if self._holds or bound.unit == "requests":
                left -= account.held
        if self._also and self._holds:
            left -= self._also.get(key, 0)
        if bound.unit == "tokens":
            return left
        if bound.unit == "nanousd":
            return left // dear if (dear := dearest(price)) else tokens
        return tokens if left > 0 else _NONE


def least(asked: Reserved) -> int:
    """The fewest tokens that are granted."""
    return min(asked.least, asked.tokens)


def dearest(price: Price | None) -> int:
    """Nano-USD that a token costs at most."""
    return 0 if price is None else max(price.input, price.output)


def amount(bound: Bound, tokens: int, price: Price | None) -> int:
    """What a grant of so many tokens holds of a bound, in its unit."""
    if bound.unit == "tokens":
        return tokens
    return tokens * dearest(price) if bound.unit == "nanousd" else 1
