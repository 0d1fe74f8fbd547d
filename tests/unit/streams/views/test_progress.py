"""How far the index is, followed live: what is known, and who is woken by it."""

import asyncio
from collections.abc import AsyncIterator
from math import log
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from processors.index import Access
from processors.lexical import terms
from schemas.codec import encode
from schemas.index import IndexChange, IndexEvent, IndexProgress, IndexTick, Source
from streams.views.progress import IndexFollower
from tests.doubles.log import MemoryLog


def change(time: int, df: dict[str, int], version: str = "v1", **more: Any) -> IndexChange:
    """A change that brings terms."""
    return IndexChange(
        doc_id="a",
        index_version=version,
        index_time=time,
        source=Source(partition=0, offset=time),
        status="indexed",
        df=df,
        passages_delta=1 if df else 0,
        **more,
    )


def tick(time: int) -> IndexTick:
    """A tick."""
    return IndexTick(index_version="v1", index_time=time, applied=-1)


class Followed:
    """A log of two partitions and who follows it."""

    def __init__(self) -> None:
        self.log = MemoryLog(2)
        self.follower = IndexFollower(self.log, "v1")

    def write(self, partition: int, event: IndexEvent) -> None:
        """One record of `index.changes`."""
        self.log.append("index.changes", None, encode(event), (), partition)

    def reached(self, partition: int, time: int) -> None:
        """One record of `index.progress`."""
        progress = IndexProgress(
            partition=partition, index_version="v1", index_time=time, applied=0, changes_offset=0
        )
        self.log.append("index.progress", str(partition), encode(progress), (), partition)


@pytest_asyncio.fixture
async def followed() -> AsyncIterator[Followed]:
    made = Followed()
    yield made
    await made.follower.stop()


async def settle() -> None:
    """Let the follower come to the end."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_it_reads_what_is_there_and_follows_what_comes(followed: Followed) -> None:
    """Statistics and read time are those of the whole log, each change counted once."""
    followed.write(0, change(5, {"river": 1}))
    followed.reached(0, 5)
    await followed.follower.start()
    followed.write(1, change(6, {"river": 1}))
    followed.write(0, tick(9))
    followed.reached(1, 6)
    await settle()
    follower = followed.follower
    assert follower.progress.read_time() == 5
    weights = [follower.statistics.weights("river", at, Access()) for at in (4, 5, 6)]
    assert weights == [{}, *({"river": pytest.approx(log(1 + 0.5 / (df + 0.5)))} for df in (1, 2))]


async def test_statistics_are_known_when_every_partition_was_read_that_far(
    followed: Followed,
) -> None:
    """A partition of which nothing was read yet may hold an earlier change."""
    followed.write(0, tick(9))
    await followed.follower.start()
    assert not followed.follower.knows(1)
    followed.write(1, change(3, {"river": 1}))
    await settle()
    assert followed.follower.knows(3)
    assert not followed.follower.knows(4)
    followed.write(1, tick(9))
    await settle()
    assert followed.follower.knows(9)
    assert not followed.follower.knows(10)


async def test_a_change_in_parts_brings_its_terms_with_the_last_one(followed: Followed) -> None:
    """And the parts that came before it was followed count as well."""
    followed.write(0, change(5, {"river": 1}, part=0, parts=2))
    await followed.follower.start()
    assert followed.follower.statistics.weights("river Oder", 5, Access()) == {}
    followed.write(0, change(5, {"oder": 1}, part=1, parts=2))
    await settle()
    weights = followed.follower.statistics.weights("river Oder", 5, Access())
    assert set(weights) == set(terms("river Oder"))


async def test_another_index_version_has_statistics_of_its_own(followed: Followed) -> None:
    """It does not count here."""
    await followed.follower.start()
    followed.write(0, change(5, {"river": 1}, version="v2"))
    await settle()
    assert followed.follower.statistics.weights("river", 9, Access()) == {}


async def test_who_waits_is_woken_by_each_step(followed: Followed) -> None:
    """And told nothing when it does not come in time."""
    await followed.follower.start()
    read_time = followed.follower.progress.read_time
    waiting = asyncio.create_task(followed.follower.wait(read_time, 60))
    followed.reached(0, 5)
    await settle()
    assert not waiting.done()
    followed.reached(1, 7)
    assert await asyncio.wait_for(waiting, 30) == 5
    nothing: int | None = await followed.follower.wait(lambda: None if waiting else 1, 0.01)
    assert nothing is None


async def test_what_stops_the_following_is_told(followed: Followed) -> None:
    """A worker must not go on with an index that it no longer follows."""
    await followed.follower.start()
    followed.follower.check()
    followed.log.append("index.changes", None, b"{", (), 0)
    await settle()
    with pytest.raises(msgspec.DecodeError):
        followed.follower.check()
