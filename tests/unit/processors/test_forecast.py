"""When a budget is used up: known amounts, and what a straight line adds to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.forecast import (
    SLICES,
    Rate,
    Spent,
    forecast,
    of_bound,
    rate_of,
    refilled,
    rolling,
    until,
)
from processors.ledger.ledger import Standing
from schemas.usage import Charge
from tests.doubles.spending import bound

SECOND = 1_000_000
HOUR = 3600 * SECOND
NOW = 1_760_000_000 * SECOND


def steady(per_s: float) -> Rate:
    """A rate that is known for certain."""
    return Rate(mean=per_s, low=per_s, high=per_s, span_s=1.0)


def test_a_steady_rate_has_no_interval() -> None:
    """One unit in every slice."""
    span = SLICES * SECOND
    found = rate_of([Spent(NOW - n * SECOND, 3) for n in range(1, SLICES + 1)], NOW, span)
    assert (found.mean, found.low, found.high, found.span_s) == (3.0, 3.0, 3.0, SLICES)


def test_an_uneven_rate_has_a_wide_interval_that_is_never_below_nothing() -> None:
    """All of it in one slice."""
    found = rate_of([Spent(NOW - SECOND, 24)], NOW, SLICES * SECOND)
    assert found.low == 0.0 < found.mean == 1.0 < found.high


def test_what_lies_before_the_span_or_after_now_does_not_count() -> None:
    """The span's first moment does."""
    span = SLICES * SECOND
    spent = [Spent(NOW - span - 1, 9), Spent(NOW, 9), Spent(NOW - span, 24)]
    assert rate_of(spent, NOW, span).mean == 1.0


def test_a_calendar_s_budget_lasts_or_is_used_up_before_it_begins_anew() -> None:
    """What is left, by the rate."""
    used_up = until(3600, now=NOW, ends=NOW + HOUR)
    assert used_up(2.0) == NOW + 1800 * SECOND
    assert used_up(1.0) is None
    assert used_up(0.0) is None


def test_a_bucket_is_used_up_by_what_comes_beyond_its_refill() -> None:
    """Never, at or below it."""
    used_up = refilled(100, now=NOW, refill_per_s=10.0)
    assert used_up(20.0) == NOW + 10 * SECOND
    assert used_up(10.0) is None


def test_a_rolling_window_gives_back_what_leaves_it() -> None:
    """100 a window: 90 were used at once, and go half way through it."""
    spent = [Spent(NOW - HOUR // 2, 90)]
    used_up = rolling(spent, limit=100, now=NOW, window=HOUR)
    assert used_up(10 / 600) == NOW + 600 * SECOND
    assert used_up(10 / 2400) is None
    assert used_up(101 / 3600) is not None


def test_what_is_used_up_is_used_up_now() -> None:
    """At whatever rate."""
    assert until(0, now=NOW, ends=NOW + HOUR)(0.0) == NOW
    assert rolling([Spent(NOW, 5)], limit=5, now=NOW, window=HOUR)(0.0) == NOW


def test_the_ends_of_the_interval_lie_around_the_forecast() -> None:
    """The higher rate comes first."""
    rate = Rate(mean=2.0, low=1.0, high=4.0, span_s=1.0)
    found = forecast(rate, until(7200, now=NOW, ends=NOW + 2 * HOUR - 1))
    assert (found.earliest, found.at, found.latest) == (
        NOW + 1800 * SECOND,
        NOW + 3600 * SECOND,
        None,
    )


@given(
    st.lists(st.tuples(st.integers(1, 59), st.integers(1, 50)), max_size=12),
    st.integers(1, 400),
    st.sampled_from([0.01, 0.1, 0.5, 1.0, 5.0]),
)
def test_a_rolling_forecast_is_what_a_slow_walk_comes_to(
    past: list[tuple[int, int]], limit: int, per_s: float
) -> None:
    """Millisecond by millisecond: what is inside the window, and what has come since."""
    window = 60 * SECOND
    spent = [Spent(NOW - age * SECOND, amount) for age, amount in past]
    found = rolling(spent, limit=limit, now=NOW, window=window)(per_s)
    walked = next(
        (
            moment
            for moment in range(NOW, NOW + window + 1, 10_000)
            if sum(amount for at, amount in spent if moment - window < at)
            + per_s * (moment - NOW) / SECOND
            >= limit - 1e-9
        ),
        None,
    )
    if walked is None:
        assert found is None
    else:
        assert found == pytest.approx(walked, abs=10_001)


@pytest.mark.parametrize(
    ("charge", "span_s"),
    [
        (bound(window="minute"), 600.0),
        (bound(window="hour"), 3600.0),
        (bound(window="month"), 7 * 86_400.0),
    ],
)
def test_the_rate_is_that_of_a_window_or_thereabouts(charge: Charge, span_s: float) -> None:
    """Ten minutes at least, a week at most; and never of before there was a log."""
    spent, standing = [Spent(NOW - SECOND, 10)], Standing(10, 0, 990, NOW + HOUR)
    found = of_bound(charge, standing, spent, now=NOW, began=0)
    young = of_bound(charge, standing, spent, now=NOW, began=NOW - 90 * SECOND)
    assert found is not None and young is not None  # noqa: PT018
    assert (found.rate.span_s, young.rate.span_s) == (span_s, 90.0)


def test_each_kind_of_bound_is_forecast_by_its_kind() -> None:
    """1 a second: a calendar hour ends first, a bucket that refills as fast never empties."""
    spent = [Spent(NOW - n * SECOND, 1) for n in range(1, 3601)]
    standing = Standing(3600, 0, 10_000, NOW + HOUR)

    def at(charge: Charge) -> int | None:
        found = of_bound(charge, standing, spent, now=NOW, began=0)
        assert found is not None
        return found.at

    assert at(bound(3601, window="hour", calendar=True)) == NOW + SECOND
    assert at(bound(10_000_000, window="hour", calendar=True)) is None
    assert at(bound(3600, window="hour", burst=5000)) is None
    assert at(bound(1800, window="hour", burst=5400)) == NOW + 3600 * SECOND
    assert at(bound(3601, window="hour")) is None
    assert at(bound(3500, window="hour")) == NOW


def test_places_have_no_forecast() -> None:
    """They are free again when who has them is done."""
    charge, standing = bound(2, unit="concurrent"), Standing(0, 2, 0, NOW)
    assert of_bound(charge, standing, [], now=NOW, began=0) is None
