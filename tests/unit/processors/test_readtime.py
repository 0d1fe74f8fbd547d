"""At which index time a question is read, and what it waits for."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.readtime import AppliedHistory, Frozen, Progress, ReadRefused, Waiter, wanted
from schemas.index import IndexProgress
from schemas.queries import Query, WriteReceipt

NOW = 1_700_000_000_000_000
HORIZON = 3_600_000_000


def applied(partition: int, time: int, offset: int = 0, version: str = "v1") -> IndexProgress:
    """Progress of one partition."""
    return IndexProgress(
        partition=partition,
        index_version=version,
        index_time=time,
        applied=offset,
        changes_offset=offset,
    )


def progress(steps: Iterable[IndexProgress], partitions: int = 2) -> Progress:
    """A fold of progress."""
    found = Progress("v1", partitions)
    for step in steps:
        found.observe(step)
    return found


def asked(**fields: Any) -> Query:
    """A question with bounds."""
    return Query(query_id="q", text="why?", tenant="acme", **fields)


def waiter(**fields: Any) -> Waiter:
    """What waits for a question's read time."""
    return Waiter(wanted(asked(**fields), NOW, HORIZON, 2))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 99), st.sampled_from(["v1", "v2"]))))
def test_the_read_time_is_the_least_that_every_partition_has_reached(
    steps: list[tuple[int, int, str]],
) -> None:
    """It never goes back, and other index versions do not count."""
    fold, latest, last = Progress("v1", 3), dict[int, int](), -1
    for partition, time, version in steps:
        fold.observe(applied(partition, time, version=version))
        if version == "v1":
            latest[partition] = max(latest.get(partition, 0), time)
        expected = min(latest.values()) if len(latest) == 3 else None
        assert fold.read_time() == expected
        assert (expected or 0) >= last
        last = expected or 0


def test_without_bounds_the_latest_time_is_read() -> None:
    """And before there is one, nothing."""
    assert waiter().at(progress([applied(0, 5)]), NOW) is None
    assert waiter().at(progress([applied(0, 5), applied(1, 9)]), NOW) == 5


def test_as_of_waits_until_the_index_has_come_there() -> None:
    """Then it is read exactly there, not later."""
    waits = waiter(as_of=NOW - 10)
    assert waits.at(progress([applied(0, NOW - 11), applied(1, NOW)]), NOW) is None
    assert waits.at(progress([applied(0, NOW - 10), applied(1, NOW)]), NOW) == NOW - 10
    assert waits.at(progress([applied(0, NOW), applied(1, NOW)]), NOW) == NOW - 10


def test_after_waits_for_every_partition_to_pass_the_write() -> None:
    """The write's own partition has it first; a read must not be made at an earlier time."""
    waits = waiter(after=WriteReceipt(topic="documents", partition=0, offset=7))
    assert waits.at(progress([applied(0, 50, 6), applied(1, 60, 9)]), NOW) is None
    assert waits.at(progress([applied(0, 70, 7), applied(1, 60, 9)]), NOW) is None
    assert waits.lacking()[0] == "stale"
    assert waits.at(progress([applied(0, 80, 8), applied(1, 70, 9)]), NOW) == 70


def test_a_write_that_never_comes_is_named() -> None:
    """Which is another thing than an index that is behind."""
    waits = waiter(after=WriteReceipt(topic="documents", partition=0, offset=7))
    assert waits.at(progress([applied(0, 50, 6), applied(1, 60, 9)]), NOW) is None
    assert waits.lacking()[0] == "after_timeout"
    assert waiter(max_staleness_ms=0).lacking()[0] == "stale"


def test_staleness_is_measured_when_it_is_read() -> None:
    """At its bound it is still fresh enough; a moment later it is not."""
    waits = waiter(max_staleness_ms=2)
    steps = progress([applied(0, NOW), applied(1, NOW)])
    assert waits.at(steps, NOW + 2000) == NOW
    assert waits.at(steps, NOW + 2001) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"as_of": NOW + 1}, "as_of_in_future"),
        ({"as_of": "2999-01-01T00:00:00Z"}, "as_of_in_future"),
        ({"as_of": NOW - HORIZON - 1}, "as_of_beyond_horizon"),
        ({"as_of": "1971-01-01T00:00:00Z"}, "as_of_beyond_horizon"),
        ({"as_of": "2024-02-31T00:00:00Z"}, "invalid_query"),
        ({"after": WriteReceipt(topic="queries", partition=0, offset=0)}, "invalid_query"),
        ({"after": WriteReceipt(topic="documents", partition=2, offset=0)}, "invalid_query"),
    ],
)
def test_what_cannot_be_is_refused_at_once(fields: dict[str, Any], expected: str) -> None:
    """The future, what lies beyond the horizon, and what is no receipt of a document write."""
    with pytest.raises(ReadRefused) as refused:
        waiter(**fields)
    assert refused.value.type == expected


def test_the_edges_of_the_horizon_are_within_it() -> None:
    """Now, and exactly as far back as it reaches."""
    for as_of in (NOW, NOW - HORIZON):
        assert wanted(asked(as_of=as_of), NOW, HORIZON, 2).as_of == as_of


STILL = Frozen(NOW - 5 * HORIZON, {0: 7})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"as_of": STILL.at + 1}, "as_of_in_future"),
        ({"as_of": STILL.at - 1}, "as_of_beyond_horizon"),
        ({"after": WriteReceipt(topic="documents", partition=0, offset=8)}, "after_timeout"),
        ({"after": WriteReceipt(topic="documents", partition=1, offset=0)}, "after_timeout"),
        ({"max_staleness_ms": 5 * HORIZON // 1000 - 1}, "stale"),
    ],
)
def test_what_a_version_that_stands_still_never_shows_is_refused_at_once(
    fields: dict[str, Any], expected: str
) -> None:
    """Nobody waits for what cannot come."""
    with pytest.raises(ReadRefused) as refused:
        wanted(asked(**fields), NOW, HORIZON, 2, STILL.at, STILL)
    assert refused.value.type == expected


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"as_of": STILL.at},
        {"after": WriteReceipt(topic="documents", partition=0, offset=7)},
        {"max_staleness_ms": 5 * HORIZON // 1000},
    ],
)
def test_a_version_that_stands_still_can_be_read_there_for_ever(fields: dict[str, Any]) -> None:
    """Beyond the horizon, too."""
    there = progress([applied(0, STILL.at, 7), applied(1, STILL.at, -1)])
    bounds = wanted(asked(**fields), NOW, HORIZON, 2, STILL.at, STILL)
    assert Waiter(bounds).at(there, NOW) == STILL.at


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.integers(0, 2)), max_size=40))
def test_what_was_applied_is_known_for_every_time(moves: list[tuple[int, int, int]]) -> None:
    """Each partition's last step at or before it; none before a partition's first event."""
    history, steps = AppliedHistory(), dict[int, list[tuple[int, int]]]()
    for partition, later, more in moves:
        time, offset = steps.setdefault(partition, [(0, -1)])[-1]
        steps[partition].append((time + later, offset + more))
        history.note(partition, time + later, offset + more)
    for at in range(90):
        last = {p: max(o for t, o in known if t <= at) for p, known in steps.items()}
        assert history.at(at) == {f"documents/{p}": o for p, o in last.items() if o >= 0}
