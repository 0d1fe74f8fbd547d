"""Moments: RFC 3339 on the outside, microseconds since the epoch within."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

from msgspec import Meta

PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$(?!\n)"
)
Moment = Annotated[str, Meta(pattern=PATTERN, description="A time as RFC 3339 has it.")]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHAPE = re.compile(PATTERN)
_SHOWN = 40


class InvalidTime(ValueError):
    """A text that is not a moment, or a number of microseconds outside the years 1 to 9999."""


def parse_time(text: str) -> int:
    """Microseconds since the epoch; what is finer is cut off. Before 1970 it is negative.

    A leap second counts as the second after it, as POSIX time has it.

    Raises:
        InvalidTime: not RFC 3339, or no such day, hour or offset.
    """
    match = _SHAPE.match(text)
    if match is None:
        raise InvalidTime(f"not an RFC 3339 time: {text[:_SHOWN]!r}")
    leap = text[17:19] == "60"
    try:
        moment = datetime(
            int(text[0:4]),
            int(text[5:7]),
            int(text[8:10]),
            int(text[11:13]),
            int(text[14:16]),
            59 if leap else int(text[17:19]),
            int((match[1] or ".0")[1:7].ljust(6, "0")),
            tzinfo=_offset(match[2]),
        ).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidTime(f"no such time: {text[:_SHOWN]!r} ({error})") from None
    if leap and (moment.hour, moment.minute) != (23, 59):
        raise InvalidTime(f"no leap second there: {text[:_SHOWN]!r}")
    return (moment - _EPOCH) // _MICROSECOND + leap * 1_000_000


def format_time(microseconds: int) -> str:
    """RFC 3339 in UTC, with six digits after the second: texts sort as the times do.

    Raises:
        InvalidTime: outside the years 1 to 9999.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise InvalidTime(f"outside the years 1 to 9999: {microseconds} µs") from None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("offset must be in 00:00..23:59")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)
