"""A log in memory: Kafka's partitions, offsets and partitioner, without a broker."""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)

from aiokafka.errors import MessageSizeTooLargeError

from schemas.topics import Topic, topic_named
from streams.clients.kafka import Headers, MissingTopic, Position, Record, Start, partition_of

PARTITIONS = 4

_Partition = tuple[str, int]


class MemoryLog:
    """Implements `streams.clients.kafka.LogClient`. Belongs to one event loop.

    A record is in the log when `submit` returns, in the order of the calls. What tests use
    beside the port: `append` and `all` without awaiting, `compact` and `trim` for what a broker
    does to old records, and `before_append` and `after_append`, which may raise to play a crash.
    """

    def __init__(self, partitions: int = PARTITIONS, clock: Callable[[], int] = lambda: 0) -> None:
        """`clock` gives microseconds: the time that the broker stamps on a record."""
        self.partitions = partitions
        self.before_append: Callable[[Record], None] | None = None
        self.after_append: Callable[[Record], None] | None = None
        self._clock = clock
        self._records: defaultdict[_Partition, list[Record]] = defaultdict(list)
        self._starts: defaultdict[_Partition, int] = defaultdict(int)
        self._ends: defaultdict[_Partition, int] = defaultdict(int)
        self._followers: list[asyncio.Event] = []

    def append(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        """Add one record; without a key and a partition it goes to partition 0."""
        if len(value or b"") > _topic(topic).max_message_bytes:
            raise MessageSizeTooLargeError
        raw = key.encode() if isinstance(key, str) else key
        if partition is None:
            partition = 0 if raw is None else partition_of(raw, self.partitions)
        place = topic, partition
        record = Record(
            topic, partition, self._ends[place], raw, value, list(headers), self._clock() // 1000
        )
        if self.before_append is not None:
            self.before_append(record)
        self._records[place].append(record)
        self._ends[place] += 1
        for follower in self._followers:
            follower.set()
        if self.after_append is not None:
            self.after_append(record)
        return Position(topic, partition, record.offset)

    def all(self, topic: str, partition: int | None = None) -> list[Record]:
        """What a topic holds now, partition by partition."""
        wanted = range(self.partitions) if partition is None else [partition]
        return [record for p in wanted for record in self._records[_topic(topic).name, p]]

    def compact(self, topic: str) -> None:
        """Keep the newest record of each key; offsets stay as they are."""
        for partition in range(self.partitions):
            records = self._records[_topic(topic).name, partition]
            newest = {record.key: record.offset for record in records}
            records[:] = [r for r in records if newest[r.key] == r.offset]

    def trim(self, topic: str, partition: int, before: int) -> None:
        """Forget the records before an offset, as retention does."""
        place = _topic(topic).name, partition
        self._records[place][:] = [r for r in self._records[place] if r.offset >= before]
        self._starts[place] = before

    async def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        """Append one record."""
        return await (await self.submit(topic, key, value, headers, partition))

    async def submit(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Awaitable[Position]:
        """Append one record; the result is known already."""
        landed: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        landed.set_result(self.append(topic, key, value, headers, partition))
        return landed

    async def read(
        self,
        topic: str,
        *,
        start: Mapping[int, int] | None = None,
        partitions: Iterable[int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Every record from `start` to the end as it stood when the reading began."""
        wanted = range(self.partitions) if partitions is None else partitions
        ends = await self.ends(topic)
        for partition in sorted(wanted):
            records = self._from(topic, partition, (start or {}).get(partition, 0))
            await asyncio.sleep(0)
            for record in records:
                if record.offset < ends[partition]:
                    yield record

    async def follow(self, topics: Iterable[str], *, start: Start) -> AsyncIterator[Record]:
        """Records of all partitions as they come, for ever."""
        places = [(_topic(topic).name, p) for topic in topics for p in range(self.partitions)]
        following = {place: self._begin(place, start) for place in places}
        came = asyncio.Event()
        self._followers.append(came)
        try:
            while True:
                came.clear()
                for topic, partition in places:
                    for record in self._from(topic, partition, following[topic, partition]):
                        following[topic, partition] = record.offset + 1
                        yield record
                await came.wait()
        finally:
            self._followers.remove(came)

    async def starts(self, topic: str) -> dict[int, int]:
        """The first offset still held, by partition."""
        return {p: self._starts[_topic(topic).name, p] for p in range(self.partitions)}

    async def ends(self, topic: str) -> dict[int, int]:
        """The offset that the next record will get, by partition."""
        return {p: self._ends[_topic(topic).name, p] for p in range(self.partitions)}

    async def since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """The first offset at or after a time, by partition; the end where there is none."""
        found = await self.ends(topic)
        for record in reversed(self.all(topic)):
            if record.timestamp_ms >= timestamp_ms:
                found[record.partition] = record.offset
        return found

    def _from(self, topic: str, partition: int, offset: int) -> Sequence[Record]:
        records = self._records[_topic(topic).name, partition]
        return records[bisect_left(records, offset, key=lambda record: record.offset) :]

    def _begin(self, place: _Partition, start: Start) -> int:
        if start == "beginning":
            return 0
        if start == "end":
            return self._ends[place]
        topic, partition = place
        return start[topic].get(partition, 0)


def _topic(name: str) -> Topic:
    try:
        return topic_named(name)
    except KeyError:
        raise MissingTopic(f"topic {name!r} does not exist") from None
