"""Reading the past from the log: bounds by time and offset, whatever retention has left."""

import pytest

from streams.clients.kafka import MissingTopic
from streams.replay.source import LogSource, Span
from tests.doubles.log import MemoryLog


class _Clock:
    now = 0

    def __call__(self) -> int:
        return self.now * 1000


@pytest.fixture
def log() -> MemoryLog:
    """Ten records in each of two partitions, one a millisecond."""
    clock = _Clock()
    made = MemoryLog(2, clock)
    for now in range(10):
        clock.now = now
        for partition in range(2):
            made.append("responses", f"q{now}", b"{}", partition=partition)
    return made


async def _offsets(source: LogSource, **bounds: object) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    async for record in source.read("responses", **bounds):  # type: ignore[arg-type]
        found.setdefault(record.partition, []).append(record.offset)
    return found


async def test_everything_is_read_in_the_order_of_each_partition(log: MemoryLog):
    """Up to where it ends."""
    assert await _offsets(LogSource(log)) == {0: list(range(10)), 1: list(range(10))}


async def test_times_bound_what_is_read(log: MemoryLog):
    """From the first on, up to the last and without it."""
    found = await _offsets(LogSource(log), since_ms=3, until_ms=6)
    assert found == {0: [3, 4, 5], 1: [3, 4, 5]}
    assert await _offsets(LogSource(log), since_ms=6, until_ms=6) == {}
    assert await _offsets(LogSource(log), since_ms=99) == {}


async def test_offsets_and_partitions_bound_it_too(log: MemoryLog):
    """Whichever bound is the narrower."""
    found = await _offsets(LogSource(log), since_ms=3, start={0: 5}, partitions=[0])
    assert found == {0: [5, 6, 7, 8, 9]}
    assert await _offsets(LogSource(log), partitions=[]) == {}


async def test_what_retention_removed_is_told_and_passed_over(log: MemoryLog):
    """The rest is read."""
    log.trim("responses", 1, 8)
    source = LogSource(log)
    assert await source.spans("responses") == {0: Span(0, 10), 1: Span(8, 10)}
    assert (await _offsets(source, since_ms=1, until_ms=9))[1] == [8]


async def test_a_topic_that_there_is_not_is_said_to_be_missing(log: MemoryLog):
    """Such as that of an index version that was never built."""
    with pytest.raises(MissingTopic):
        await LogSource(log).spans("index.changes.Nowhere")
