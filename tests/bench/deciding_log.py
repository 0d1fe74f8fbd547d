"""How fast questions are admitted from log to log on a real broker, beside the bare traffic.

The traffic is what admission cannot do without: a question is read, its reservation is written
and read back, and only then is it passed on. The floor does just that with the same bytes.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.codec import decode_as, encode
from schemas.envelope import headers
from schemas.queries import Query
from schemas.topics import type_of
from streams.clients.kafka import Log, Record, ensure_topics
from streams.config import Kafka, Settings
from streams.control import send
from tests.bench.deciding import TENANTS, question, quota

_WITHIN_S = 300.0
_SOURCE = "freshet/bench"
_MOST = 256
"""Records that the floor takes at once, as admission does."""


async def prepare(settings: Settings) -> None:
    """Every tenant has its quota."""
    async with Log(settings.kafka) as log:
        for tenant in range(TENANTS):
            await send(log, quota(tenant))


async def admitted(settings: Settings, first: int, count: int, per_s: float | None) -> "Passed":
    """Questions sent at a pace, or all at once, and when they were admitted."""
    return await _passed(settings.kafka, first, count, per_s)


async def floor(settings: Settings, first: int, count: int, per_s: float | None) -> "Passed":
    """The same traffic with nothing decided, under another prefix."""
    bare = settings.kafka.model_copy(update={"prefix": f"floor-{settings.kafka.prefix}"})
    await ensure_topics(bare, settings.limits.horizon_ms)
    usage, passed = await _sizes(settings)
    async with Log(bare) as log:
        copying = asyncio.create_task(_copy(log, usage, passed))
        try:
            return await _passed(bare, first, count, per_s)
        finally:
            copying.cancel()
            await asyncio.gather(copying, return_exceptions=True)


class Passed:
    """When questions were in `queries` and when in `queries.admitted`, by the broker's clock."""

    def __init__(self, asked: dict[str, int], passed: dict[str, int]) -> None:
        self.took_ms = [float(passed[name] - at) for name, at in asked.items()]
        self.per_s = len(asked) / max(0.001, (max(passed.values()) - min(asked.values())) / 1000)


async def _passed(kafka: Kafka, first: int, count: int, per_s: float | None) -> Passed:
    async with Log(kafka) as log:
        starts = {topic: await log.ends(topic) for topic in ("queries", "queries.admitted")}
        began = time.monotonic()
        sent = []
        for number in range(count):
            if per_s is not None:
                await asyncio.sleep(max(0.0, began + number / per_s - time.monotonic()))
            query = question(first + number)
            name = headers(type_of(query), source=_SOURCE, time=time.time_ns() // 1000)
            sent.append(await log.submit("queries", query.tenant, encode(query), name))
        await asyncio.gather(*sent)
        async with asyncio.timeout(_WITHIN_S):
            while await _grown(log, starts["queries.admitted"]) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        found = {topic: await _times(log, topic, start) for topic, start in starts.items()}
    return Passed(found["queries"], found["queries.admitted"])


async def _grown(log: Log, start: dict[int, int]) -> int:
    return sum((await log.ends("queries.admitted")).values()) - sum(start.values())


async def _times(log: Log, topic: str, start: dict[int, int]) -> dict[str, int]:
    """Milliseconds by question."""
    found = {}
    async for record in log.read(topic, start=start):
        found[_name(record)] = record.timestamp_ms
    return found


def _name(record: Record) -> str:
    if record.topic == "queries.admitted":
        return (record.key or b"").decode()
    return decode_as(Query, record.value or b"").query_id


async def _sizes(settings: Settings) -> tuple[bytes, bytes]:
    """A reservation and an admitted question, as admission wrote them."""
    async with Log(settings.kafka) as log:
        entries = [record async for record in log.read("usage")]
        passed = [record async for record in log.read("queries.admitted")]
    return entries[0].value or b"", passed[0].value or b""


async def _copy(log: Log, usage: bytes, passed: bytes) -> None:
    """Read, write, read back, pass on; batches as they come."""
    async with _following(log, "queries") as asked, _following(log, "usage") as entries:
        while True:
            batch = await asked.take()
            sent = [await log.submit("usage", one.key, usage, (), 0) for one in batch]
            await asyncio.gather(*sent)
            back = 0
            while back < len(batch):
                back += len(await entries.take(len(batch) - back))
            out = [await log.submit("queries.admitted", _name(one), passed) for one in batch]
            await asyncio.gather(*out)


class _Inbox:
    """Records that came and were not taken yet."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self._came = asyncio.Event()

    async def fill(self, records: AsyncIterator[Record]) -> None:
        """Until cancelled."""
        async for record in records:
            self._records.append(record)
            self._came.set()

    async def take(self, most: int = _MOST) -> list[Record]:
        """At least one."""
        while not self._records:
            self._came.clear()
            await self._came.wait()
        return [self._records.popleft() for _ in range(min(most, len(self._records)))]


@asynccontextmanager
async def _following(log: Log, topic: str) -> AsyncIterator[_Inbox]:
    inbox, start = _Inbox(), {topic: await log.ends(topic)}
    task = asyncio.create_task(inbox.fill(log.follow(start, start=start)))
    try:
        yield inbox
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
