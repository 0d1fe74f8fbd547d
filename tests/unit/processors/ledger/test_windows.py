from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.ledger.windows import LENGTH, STEPS, Bucket, Calendar, Meter, Rolling, end_of
from schemas.usage import WindowName
from tests.unit.processors.ledger.entries import examples

BEGIN = 1_767_225_000_000_000
"""Five minutes before a year begins."""
SECOND = 1_000_000

WINDOWS = sorted(LENGTH)
Uses = list[tuple[int, int]]
Case = tuple[WindowName, Uses, int]


@st.composite
def uses(draw: st.DrawFn) -> Case:
    """A window, what was used in order of time, and a later moment to look at."""
    window = draw(st.sampled_from(WINDOWS))
    length = LENGTH[window]
    gap = st.one_of(st.integers(0, length // STEPS * 2), st.integers(0, length))
    now, made = BEGIN, []
    for amount in draw(st.lists(st.integers(0, 50), max_size=30)):
        now += draw(gap)
        made.append((now, amount))
    return window, made, now + draw(gap)


def filled(meter: Meter, made: Uses) -> Meter:
    for at, amount in made:
        meter.add(at, amount)
    return meter


@examples
@given(uses())
def test_what_rolls_counts_until_the_step_that_it_fell_in_has_left(case: Case):
    """By adding up every single use."""
    window, made, now = case
    length = LENGTH[window]
    step = length // STEPS
    wanted = sum(amount for at, amount in made if (at // step + 1) * step + length > now)
    assert filled(Rolling(length), made).used(now) == wanted


@examples
@given(uses())
def test_what_rolls_never_counts_for_less_than_its_window(case: Case):
    """And for hardly more."""
    window, made, now = case
    length = LENGTH[window]
    used = filled(Rolling(length), made).used(now)
    assert used >= sum(amount for at, amount in made if at > now - length)
    assert used <= sum(amount for at, amount in made if at >= now - length - length // STEPS)


@examples
@given(uses())
def test_the_calendar_counts_from_where_its_window_begins(case: Case):
    """By adding up every single use."""
    window, made, now = case
    wanted = sum(amount for at, amount in made if end_of(window, at) == end_of(window, now))
    assert filled(Calendar(window), made).used(now) == wanted


@examples
@given(uses(), st.integers(1, 1000))
def test_a_bucket_drains_at_its_rate(case: Case, limit: int):
    """By exact fractions, rounded up at the end."""
    window, made, now = case
    level, last = Fraction(0), BEGIN
    for at, amount in [*made, (now, 0)]:
        level = max(Fraction(0), level - Fraction(limit * (at - last), LENGTH[window])) + amount
        last = at
    assert filled(Bucket(limit, LENGTH[window]), made).used(now) == -(-level // 1)


def test_a_bucket_whose_rate_changes_drains_by_each_for_its_time():
    """What it had lost by then stays lost."""
    bucket = Bucket(60, LENGTH["minute"])
    bucket.add(BEGIN, 100)
    bucket.drains(600, BEGIN + 10 * SECOND)
    assert bucket.used(BEGIN + 10 * SECOND) == 90
    assert bucket.used(BEGIN + 15 * SECOND) == 40


@examples
@given(uses(), st.integers(0, 300), st.sampled_from([Rolling, Calendar, Bucket]))
def test_the_moment_that_is_foretold_is_the_first(case: Case, most: int, kind: type[Any]):
    """A microsecond earlier it is still too much."""
    window, made, now = case
    length = LENGTH[window]
    meter: Meter = {
        Rolling: lambda: Rolling(length),
        Calendar: lambda: Calendar(window),
        Bucket: lambda: Bucket(7, length),
    }[kind]()
    filled(meter, made)
    at = meter.falls_to(most, now)
    assert at is not None
    assert at >= now
    assert meter.used(at) <= most
    assert at == now or meter.used(at - 1) > most


@pytest.mark.parametrize("meter", [Rolling(LENGTH["day"]), Calendar("day"), Bucket(5, 1000)])
def test_nothing_is_never_less_than_nothing(meter: Meter):
    """What asks for more than there ever is waits for ever."""
    assert meter.falls_to(-1, BEGIN) is None


def test_a_bucket_that_never_drains_stays_full():
    """Its limit is 0."""
    bucket = Bucket(0, LENGTH["hour"])
    bucket.add(BEGIN, 3)
    assert (bucket.falls_to(2, BEGIN), bucket.falls_to(3, BEGIN)) == (None, BEGIN)


@pytest.mark.parametrize(
    ("window", "ends"),
    [
        ("minute", "2024-02-29T23:59:00"),
        ("hour", "2024-03-01T00:00:00"),
        ("day", "2024-03-01T00:00:00"),
        ("week", "2024-03-04T00:00:00"),
        ("month", "2024-03-01T00:00:00"),
    ],
)
def test_the_calendars_windows_end_by_utc(window: WindowName, ends: str):
    """A leap day, a Thursday."""
    now = datetime.fromisoformat("2024-02-29T23:58:20").replace(tzinfo=UTC)
    wanted = datetime.fromisoformat(ends).replace(tzinfo=UTC)
    assert end_of(window, int(now.timestamp() * SECOND)) == int(wanted.timestamp() * SECOND)


@examples
@given(st.sampled_from(WINDOWS), st.integers(0, 4 * 10**15))
def test_a_window_ends_after_every_moment_in_it(window: WindowName, now: int):
    """And the next begins there."""
    ends = end_of(window, now)
    assert now < ends <= now + 31 * LENGTH["day"]
    assert end_of(window, ends - 1) == ends
    assert end_of(window, ends) > ends
