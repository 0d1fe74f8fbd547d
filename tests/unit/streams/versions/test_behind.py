"""How far an index version is behind the log, in events and in time."""

import asyncio

import pytest

from schemas.codec import encode
from schemas.index import IndexProgress
from streams.versions.behind import caught_up, standing
from tests.doubles.log import MemoryLog
from tests.topology.roles import turns

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND


class Clock:
    now = NOW

    def __call__(self) -> int:
        """The broker's time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> MemoryLog:
    return MemoryLog(2, clock)


def applied(log: MemoryLog, partition: int, offset: int, at: int) -> None:
    """A report of the writer."""
    progress = IndexProgress(
        partition=partition, index_version="v2", index_time=at, applied=offset, changes_offset=0
    )
    log.append("index.progress.v2", str(partition), encode(progress), (), partition)


async def test_what_nobody_has_begun_is_behind_by_everything(log: MemoryLog, clock: Clock) -> None:
    """As old as the first event of the log."""
    for number in range(3):
        clock.now = NOW + number * SECOND
        log.append("documents", None, b"x", (), 1)
    found = await standing(log, "v2", NOW + 10 * SECOND)
    assert (found.behind, found.behind_s, found.read_time) == (3, 10.0, None)


async def test_the_oldest_event_that_does_not_show_tells_how_far(
    log: MemoryLog, clock: Clock
) -> None:
    """Not how long ago the index time was: that goes on while a build is far behind."""
    for number in range(3):
        clock.now = NOW + number * SECOND
        log.append("documents", None, b"x", (), 1)
    applied(log, 0, -1, NOW + 9 * SECOND)
    applied(log, 1, 1, NOW + 9 * SECOND)
    found = await standing(log, "v2", NOW + 10 * SECOND)
    assert (found.behind, found.behind_s, found.read_time) == (1, 8.0, NOW + 9 * SECOND)
    applied(log, 1, 2, NOW + 10 * SECOND)
    found = await standing(log, "v2", NOW + 10 * SECOND)
    assert (found.behind, found.behind_s) == (0, 0.0)


async def test_what_retention_took_is_not_missing(log: MemoryLog) -> None:
    """The log begins where it begins."""
    for _ in range(3):
        log.append("documents", None, b"x", (), 0)
    log.trim("documents", 0, 2)
    assert (await standing(log, "v2", NOW)).behind == 1


async def test_waiting_ends_when_every_read_shows_what_there_was(log: MemoryLog) -> None:
    """At the index time of the partition that came last; what comes meanwhile is not waited for."""
    for _ in range(2):
        log.append("documents", None, b"x", (), 1)
    told: list[tuple[int, int]] = []
    waiting = asyncio.ensure_future(caught_up(log, "v2", lambda *at: told.append(at)))
    await turns()
    log.append("documents", None, b"x", (), 1)
    applied(log, 1, 0, NOW)
    applied(log, 1, 1, NOW + 5)
    await turns()
    assert not waiting.done()
    applied(log, 0, -1, NOW + 3)
    await turns()
    assert not waiting.done()
    applied(log, 0, -1, NOW + 6)
    assert await waiting == NOW + 5
    assert told[-1] == (2, 2)
