"""The log as it stood, for a live worker that is run over it once more: what it writes stays here.

So a replay rests on the worker's own code, from how it reads to how it names what it sends.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection, Iterable, Mapping

from streams.clients.kafka import Headers, LogClient, Position, Record, Start


class PastLog:
    """Implements `LogClient`. Every topic ends where it ended when it was first asked for."""

    def __init__(self, log: LogClient, hidden: Collection[str]) -> None:
        """`hidden` are the topics that the worker writes: what is there is not to be found."""
        self._log = log
        self._hidden = frozenset(hidden)
        self._ends: dict[str, dict[int, int]] = {}
        self.written: list[Record] = []

    async def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        """Keep a record."""
        raw = key.encode() if isinstance(key, str) else key
        record = Record(topic, partition or 0, len(self.written), raw, value, list(headers))
        self.written.append(record)
        return Position(topic, record.partition, record.offset)

    async def submit(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Awaitable[Position]:
        """Keep a record."""
        landed: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        landed.set_result(await self.send(topic, key, value, headers, partition))
        return landed

    async def read(
        self,
        topic: str,
        *,
        start: Mapping[int, int] | None = None,
        partitions: Iterable[int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Every record from `start` to the end as it stood."""
        if topic in self._hidden:
            return
        ends = await self.ends(topic)
        records = self._log.read(topic, start=start, partitions=partitions)
        try:
            async for record in records:
                if record.offset < ends[record.partition]:
                    yield record
        finally:
            await records.aclose()

    async def follow(self, topics: Iterable[str], *, start: Start) -> AsyncIterator[Record]:
        """Every record that there is: nothing comes any more."""
        for topic in topics:
            first = start[topic] if isinstance(start, Mapping) else {}
            async for record in self.read(topic, start=first):
                if start != "end":
                    yield record

    async def starts(self, topic: str) -> dict[int, int]:
        """The first offset still held, by partition."""
        return self._seen(topic, await self._log.starts(topic))

    async def ends(self, topic: str) -> dict[int, int]:
        """The offset behind the last record, by partition."""
        if topic not in self._ends:
            self._ends[topic] = self._seen(topic, await self._log.ends(topic))
        return self._ends[topic]

    async def since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """The first offset at or after a time, by partition; the end where there is none."""
        return self._seen(topic, await self._log.since(topic, timestamp_ms))

    def _seen(self, topic: str, found: dict[int, int]) -> dict[int, int]:
        return dict.fromkeys(found, 0) if topic in self._hidden else found
