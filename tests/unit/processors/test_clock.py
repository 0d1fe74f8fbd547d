"""Index time: it follows the clock and strictly grows, partition by partition."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from processors.clock import IndexClock

TIMES = st.integers(0, 1000)


@given(st.lists(st.tuples(st.integers(0, 2), TIMES, TIMES, st.booleans())))
def test_times_grow_whatever_the_clock_does(calls: list[tuple[int, int, int, bool]]) -> None:
    """Above all given out or observed before, above what is asked, and never behind `now`."""
    clock, last = IndexClock(), defaultdict[int, int](int)
    for partition, now, above, observed in calls:
        if observed:
            clock.observe(partition, above)
            last[partition] = max(last[partition], above)
            continue
        given_out = clock.next(partition, now, above=above)
        assert given_out == max(now, last[partition] + 1, above + 1)
        last[partition] = given_out


def test_partitions_do_not_push_one_another() -> None:
    """Each follows the wall clock by itself."""
    clock = IndexClock()
    clock.observe(0, 1_000_000)
    assert clock.next(1, 5) == 5
