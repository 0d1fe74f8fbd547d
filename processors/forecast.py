"""When a budget will be used up, should things go on as they have of late.

The rate is the mean over equal slices of a recent span, and its interval is Student's t over the
slices' totals (95%), as though slices were independent of one another. What a rolling window
gives back meanwhile is known to the microsecond, so only what is still to come is estimated.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct
from scipy.special import stdtrit

from processors.ledger.ledger import Standing
from processors.ledger.windows import LENGTH, end_of
from schemas.usage import Bound

SLICES = 24
CONFIDENCE = 0.95

_US = 1_000_000
_SHORTEST = 60 * _US
_LONGEST = 7 * 86_400 * _US
"""Of how long a rate is taken."""


class Spent(NamedTuple):
    """An amount of a budget's unit, and when (µs) it was used."""

    at: int
    amount: int


class Rate(Struct, frozen=True, kw_only=True):
    """Units a second: the mean and its interval."""

    mean: float
    low: float
    high: float
    span_s: float
    """Of how long a time, up to now."""


class Forecast(Struct, frozen=True, kw_only=True):
    """When it is used up (µs) at the mean rate, and at either end of the rate's interval.

    None: not at that rate.
    """

    rate: Rate
    at: int | None
    earliest: int | None
    latest: int | None


UsedUp = Callable[[float], int | None]
"""The moment (µs) at which nothing is left at a rate of so many units a second; None: never."""


def forecast(rate: Rate, used_up: UsedUp) -> Forecast:
    """The forecast of a budget that `used_up` knows."""
    return Forecast(
        rate=rate,
        at=used_up(rate.mean),
        earliest=used_up(rate.high),
        latest=used_up(rate.low),
    )


def of_bound(
    bound: Bound, standing: Standing, spent: Sequence[Spent], *, now: int, began: int
) -> Forecast | None:
    """The forecast of a bound of which so much was spent, in its unit; None of a `concurrent` one.

    The rate is that of one window, of ten minutes at least and a week at most, and since `began`,
    when (µs) anything was written at all.
    """
    if bound.unit == "concurrent":
        return None
    window = LENGTH[bound.window]
    span = max(_SHORTEST, min(max(window, 10 * _SHORTEST), _LONGEST, now - began))
    rate = rate_of(spent, now, span)
    left = bound.usable - standing.used - standing.held
    if bound.burst is not None:
        refill = bound.limit / (window / _US)
        return forecast(rate, refilled(left, now=now, refill_per_s=refill))
    if bound.calendar:
        return forecast(rate, until(left, now=now, ends=end_of(bound.window, now)))
    limit = bound.usable - standing.held
    return forecast(rate, rolling(spent, limit=limit, now=now, window=window))


def rate_of(spent: Sequence[Spent], now: int, span: int) -> Rate:
    """The rate of the last `span` µs before `now`."""
    totals = [0] * SLICES
    for at, amount in spent:
        if now - span <= at < now:
            totals[(at - now + span) * SLICES // span] += amount
    per_slice = span / SLICES / _US
    mean = sum(totals) / SLICES
    variance = sum((total - mean) ** 2 for total in totals) / (SLICES - 1)
    half = float(stdtrit(SLICES - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(variance / SLICES)
    return Rate(
        mean=mean / per_slice,
        low=max(0.0, mean - half) / per_slice,
        high=(mean + half) / per_slice,
        span_s=span / _US,
    )


def rolling(spent: Sequence[Spent], *, limit: int, now: int, window: int) -> UsedUp:
    """Of a budget over the last `window` µs; `limit` is what it may come to, less what is held."""
    inside = sorted(one for one in spent if now - window < one.at <= now)

    def used_up(per_s: float) -> int | None:
        left = limit - sum(amount for _, amount in inside)
        for at, amount in inside:
            moment = _after(now, left, per_s)
            if moment is not None and moment < at + window:
                return moment
            left += amount
        moment = _after(now, left, per_s)
        return moment if moment is not None and moment <= now + window else None

    return used_up


def until(left: int, *, now: int, ends: int) -> UsedUp:
    """Of a budget that has so much left, and begins anew at `ends`."""

    def used_up(per_s: float) -> int | None:
        moment = _after(now, left, per_s)
        return moment if moment is not None and moment < ends else None

    return used_up


def refilled(left: int, *, now: int, refill_per_s: float) -> UsedUp:
    """Of a token bucket that has so much left."""
    return lambda per_s: _after(now, left, per_s - refill_per_s)


def _after(now: int, left: int, per_s: float) -> int | None:
    if left <= 0:
        return now
    return now + math.ceil(left / per_s * _US) if per_s > 0 else None
