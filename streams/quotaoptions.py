"""Options of `freshet quota`, read."""

import math
from collections.abc import Mapping
from typing import Any

from streams.errors import FreshetError
from streams.labels import moment

_NONE = "none"
"""Takes away what was set."""
_NUMBERS = frozenset(
    {"limit", "burst", "tokens_per_minute", "tokens_per_day", "requests_per_minute", "concurrent"}
)
_AGO_US = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def moment_of(option: str, text: str, now: int) -> int:
    """Microseconds since the epoch: RFC 3339, or so long before `now` as `90m`, `24h` or `30d`."""
    if text[-1:] in _AGO_US and text[:-1].isdecimal():
        return now - int(text[:-1]) * _AGO_US[text[-1]]
    return moment(option, text) or 0


def refuse(options: Mapping[str, object], why: str) -> None:
    """Raise FreshetError where one of these was given."""
    found = [name for name, value in options.items() if value is not None]
    if found:
        raise FreshetError(f"--{found[0].replace('_', '-')}: {why}")


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given; None for what is taken away."""
    found = {name: value for name, value in options.items() if value is not None}
    return {name: _value(name, value) for name, value in found.items()}


def _value(name: str, value: Any) -> Any:
    if value == _NONE:
        return None
    if name not in _NUMBERS:
        return value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FreshetError(f"--{name.replace('_', '-')} {value!r}: a number, or `none`")
    return int(number) if number.is_integer() else number


def kept(keep: list[str] | None) -> dict[str, float] | str | None:
    """Shares by priority, of `high=0.1` and the like; `none` as it is."""
    if keep is None:
        return None
    if keep == [_NONE]:
        return _NONE
    found = {}
    for one in keep:
        level, _, share = one.partition("=")
        try:
            found[level] = float(share)
        except ValueError:
            raise FreshetError(f"--keep {one!r}: such as high=0.1, or `none`") from None
    return found
