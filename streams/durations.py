"""Lengths of time and moments, as people type them."""

import re

from schemas.times import InvalidTime, parse_time
from streams.errors import FreshetError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHAPE = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)
SECOND = 1_000_000


def duration(option: str, text: str) -> int:
    """Seconds, of `90s`, `30m`, `24h` or `7d`. Raises FreshetError naming the option."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise FreshetError(f"{option} {text!r}: such as 90s, 30m, 24h or 7d")
    return int(match[1]) * _UNITS_S[match[2]]


def moment(option: str, text: str, now: int) -> int:
    """Microseconds since the epoch: RFC 3339, or how long before `now`. Raises FreshetError."""
    if _SHAPE.fullmatch(text):
        return now - duration(option, text) * SECOND
    try:
        return parse_time(text)
    except InvalidTime:
        message = f"{option} {text!r}: a time such as 2025-01-31T09:00:00Z, or 24h for a day ago"
        raise FreshetError(message) from None
