"""How near a caller is to its bounds, under OpenAI's names."""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import NamedTuple, Self

from schemas.responses import ExceededLimit
from schemas.usage import Unit

_CALLED: Mapping[Unit, str] = {
    "tokens": "tokens",
    "requests": "requests",
    "concurrent": "requests",
}
"""Money has no name there: it is in the body alone."""


class Room(NamedTuple):
    """A bound, what is left of it, and in how many seconds there is more."""

    unit: Unit
    limit: int
    remaining: int
    reset_s: float | None

    @classmethod
    def of(cls, limit: ExceededLimit) -> Self:
        """Of the bound that a request did not fit."""
        return cls(limit.unit, limit.limit, limit.remaining, limit.reset_s)


def rate_limit_headers(rooms: Iterable[Room]) -> dict[str, str]:
    """`x-ratelimit-limit|remaining|reset-tokens` and `-requests`, of the bound with least left."""
    nearest: dict[str, Room] = {}
    for one in rooms:
        name = _CALLED.get(one.unit)
        if name is not None and (name not in nearest or one.remaining < nearest[name].remaining):
            nearest[name] = one
    found = {}
    for name, one in nearest.items():
        found[f"x-ratelimit-limit-{name}"] = str(one.limit)
        found[f"x-ratelimit-remaining-{name}"] = str(one.remaining)
        if one.reset_s is not None:
            found[f"x-ratelimit-reset-{name}"] = duration(one.reset_s)
    return found


def duration(seconds: float) -> str:
    """As OpenAI writes it: `20ms`, `1s`, `6m0s`, `2h0m5s`; rounded up."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    minutes, left = divmod(ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
