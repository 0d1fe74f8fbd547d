"""The lag: what is not received yet, what is not dealt with, and what may be committed."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from streams.workers.lag import Held, Lag


def nothing() -> None:
    """Nobody looks at the commits."""


def test_a_partition_that_nothing_came_from_does_not_count() -> None:
    """Where it stands is not known before its first event."""
    assert Lag().events(lambda _: 100) == 0


def test_what_came_counts_until_it_is_acknowledged() -> None:
    """Each event once, however often it is acknowledged."""
    lag = Lag()
    first, second = lag.received(0, 7, nothing), lag.received(0, 8, nothing)
    assert lag.events(lambda _: 12) == 2 + 3
    second.ack(8)
    second.ack(8)
    assert lag.events(lambda _: 12) == 1 + 3
    first.ack(7)
    assert lag.events(lambda _: 9) == 0


def test_an_end_that_is_not_known_takes_nothing_away() -> None:
    """It is 0 before the first fetch."""
    lag = Lag()
    lag.received(0, 50, nothing)
    assert lag.events(lambda _: 0) == 1


def test_what_is_acknowledged_after_its_partition_went_does_not_count_again() -> None:
    """The partition may have come back meanwhile, and its events with it."""
    lag = Lag()
    before = lag.received(0, 3, nothing)
    lag.drop({0})
    assert lag.events(lambda _: 4) == 0
    lag.received(0, 3, nothing)
    before.ack(3)
    assert lag.events(lambda _: 4) == 1


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60), st.integers(0, 5))
def test_the_lag_is_all_events_without_those_dealt_with(
    moves: list[tuple[int, bool]], more: int
) -> None:
    """Whatever is acknowledged when, in any partition."""
    lag, ends, acked = Lag(), defaultdict[int, int](int), 0
    held: list[tuple[Held, int]] = []
    for partition, receives in moves:
        if receives:
            held.append((lag.received(partition, ends[partition], nothing), ends[partition]))
            ends[partition] += 1
        elif held:
            last, offset = held.pop()
            last.ack(offset)
            acked += 1
    assert lag.events(lambda p: ends[p] + more) == sum(ends.values()) - acked + more * len(ends)


@given(st.permutations(range(8)))
def test_events_are_committed_in_order_whatever_is_done_first(order: list[int]) -> None:
    """None before all that came before it are acknowledged, and then at once."""
    lag, committed = Lag(), list[int]()
    held = [
        lag.received(0, offset, lambda offset=offset: committed.append(offset))
        for offset in range(8)
    ]
    done = set[int]()
    for offset in order:
        held[offset].ack(offset)
        done.add(offset)
        missing = set(range(8)) - done
        assert committed == list(range(min(missing, default=8)))


def test_what_is_done_after_its_partition_went_holds_nothing_back() -> None:
    """The partition came back, and its events were delivered again."""
    lag, committed = Lag(), list[str]()
    before = lag.received(0, 3, lambda: committed.append("before"))
    lag.drop({0})
    again = lag.received(0, 3, lambda: committed.append("again"))
    again.ack(3)
    assert committed == ["again"]
    before.ack(3)
    assert committed == ["again", "before"]
