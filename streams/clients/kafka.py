"""The log: topics written to, read to their end, and followed.

Everything that is not a consumer group's work goes through here. Consumer groups, their
assignments and commits are Faust's (`streams/workers`).
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.partitioner import murmur2

from schemas.topics import TOPICS, configs, index_topics
from streams.config import Kafka
from streams.errors import FreshetError

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_REQUEST_MS = 30_000
_FETCH_WAIT_MS = 500
_TOPIC_EXISTS = 36


class Record(NamedTuple):
    """One record of the log. `topic` is our name for it, without the prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int = 0


class Position(NamedTuple):
    """Where a record landed."""

    topic: str
    partition: int
    offset: int


Headers = Sequence[tuple[str, bytes]]
Start = Literal["beginning", "end"] | Mapping[str, Mapping[int, int]]


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own default partitioner gives a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


class LogClient(Protocol):
    """What the rest of Freshet asks of a log; `Log` and the tests' `MemoryLog` both are one."""

    async def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        """Append one record and wait until every replica in sync has it."""
        ...

    async def submit(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Awaitable[Position]:
        """Hand one record to the batch being sent; await the result to know where it landed."""
        ...

    def read(
        self,
        topic: str,
        *,
        start: Mapping[int, int] | None = None,
        partitions: Iterable[int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Every record from `start` (default: the beginning) to the end as it stands now."""
        ...

    def follow(self, topics: Iterable[str], *, start: Start) -> AsyncIterator[Record]:
        """Records of all partitions as they come, for ever."""
        ...

    async def starts(self, topic: str) -> dict[int, int]:
        """The first offset still held, by partition."""
        ...

    async def ends(self, topic: str) -> dict[int, int]:
        """The offset that the next record will get, by partition."""
        ...

    async def since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """The first offset at or after a time, by partition; the end where there is none."""
        ...


class Log:
    """A Kafka cluster as a `LogClient`. Use it as an async context manager."""

    def __init__(self, settings: Kafka) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._is_spoilt = False
        self._replacing = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect the producer; raises NoBroker when none answers."""
        producer = AIOKafkaProducer(
            **client_options(self._settings),
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_MESSAGE_BYTES,
            request_timeout_ms=_REQUEST_MS,
        )
        async with reached(self._settings, producer.stop):
            await producer.start()
        self._producer, self._is_spoilt = producer, False

    async def stop(self) -> None:
        """Send what is pending and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()
        await asyncio.gather(*self._stopping)

    async def send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Position:
        """Append one record and wait until every replica in sync has it."""
        return await (await self.submit(topic, key, value, headers, partition))

    async def submit(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> Awaitable[Position]:
        """Hand one record to the batch being sent; await the result to know where it landed."""
        producer = await self._usable()
        sent = await producer.send(
            self._settings.prefix + topic,
            value=value,
            key=key.encode() if isinstance(key, str) else key,
            headers=list(headers),
            partition=partition,
        )
        landed: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        sent.add_done_callback(partial(self._pass_on, topic, producer, landed))
        return landed

    async def _usable(self) -> AIOKafkaProducer:
        if self._producer is not None and not self._is_spoilt and not self._replacing.locked():
            return self._producer
        async with self._replacing:
            if self._producer is None:
                raise RuntimeError("the log is not started: use `async with Log(...)`")
            if self._is_spoilt:
                old = self._producer
                await self.start()
                stopping = asyncio.create_task(old.stop())
                self._stopping.add(stopping)
                stopping.add_done_callback(self._stopping.discard)
            return self._producer

    def _pass_on(
        self,
        topic: str,
        producer: AIOKafkaProducer,
        landed: "asyncio.Future[Position]",
        sent: "asyncio.Future[Any]",
    ) -> None:
        error = None if sent.cancelled() else sent.exception()
        if isinstance(error, KafkaError):
            # An idempotent producer numbers what it sends. Where one number is never to come the
            # broker refuses all later ones, and aiokafka does not begin a new count: we must.
            self._is_spoilt = self._is_spoilt or producer is self._producer
        if landed.done():
            return
        if sent.cancelled():
            landed.cancel()
        elif error is not None:
            landed.set_exception(error)
        else:
            metadata = sent.result()
            landed.set_result(Position(topic, metadata.partition, metadata.offset))

    async def read(
        self,
        topic: str,
        *,
        start: Mapping[int, int] | None = None,
        partitions: Iterable[int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Every record from `start` (default: the beginning) to the end as it stands now."""
        wanted = None if partitions is None else list(partitions)
        if wanted == []:
            return  # aiokafka would wait for ever for the ends of no partitions
        async with self._consumer() as consumer:
            assigned = await self._assign(consumer, topic, wanted)
            ends = await consumer.end_offsets(assigned)
            first = await consumer.beginning_offsets(assigned)
            left = set()
            for tp in assigned:
                at = max(first[tp], (start or {}).get(tp.partition, 0))
                consumer.seek(tp, at)
                if at < ends[tp]:
                    left.add(tp)
            consumer.pause(*(tp for tp in assigned if tp not in left))
            while left:
                for tp, messages in (await consumer.getmany(timeout_ms=_FETCH_WAIT_MS)).items():
                    for message in messages:
                        if message.offset < ends[tp]:
                            yield self._record(message)
                for tp in list(left):
                    if await consumer.position(tp) >= ends[tp]:
                        left.discard(tp)
                        consumer.pause(tp)

    async def follow(self, topics: Iterable[str], *, start: Start) -> AsyncIterator[Record]:
        """Records of all partitions as they come, for ever."""
        async with self._consumer() as consumer:
            assigned = [
                TopicPartition(self._settings.prefix + topic, partition)
                for topic in topics
                for partition in await self._partitions(consumer, topic)
            ]
            consumer.assign(assigned)
            if start == "beginning":
                await consumer.seek_to_beginning(*assigned)
            elif start == "end":
                await consumer.seek_to_end(*assigned)
                for (
                    tp
                ) in assigned:  # settles the positions, so that nothing sent from now is missed
                    await consumer.position(tp)
            else:
                for tp in assigned:
                    consumer.seek(tp, start[self._ours(tp.topic)].get(tp.partition, 0))
            async for message in consumer:
                yield self._record(message)

    async def starts(self, topic: str) -> dict[int, int]:
        """The first offset still held, by partition."""
        async with self._consumer() as consumer:
            found = await consumer.beginning_offsets(await self._assign(consumer, topic, None))
            return {tp.partition: offset for tp, offset in found.items()}

    async def ends(self, topic: str) -> dict[int, int]:
        """The offset that the next record will get, by partition."""
        async with self._consumer() as consumer:
            found = await consumer.end_offsets(await self._assign(consumer, topic, None))
            return {tp.partition: offset for tp, offset in found.items()}

    async def since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """The first offset at or after a time, by partition; the end where there is none."""
        async with self._consumer() as consumer:
            assigned = await self._assign(consumer, topic, None)
            found = await consumer.offsets_for_times(dict.fromkeys(assigned, timestamp_ms))
            ends = await consumer.end_offsets(assigned)
            return {
                tp.partition: at.offset if (at := found.get(tp)) is not None else ends[tp]
                for tp in assigned
            }

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Where a consumer group goes on, by partition; the first offset held where it is new."""
        found = await self.starts(topic)
        admin = AIOKafkaAdminClient(**client_options(self._settings))
        async with reached(self._settings, admin.close):
            await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self._settings.prefix + group)
        finally:
            await admin.close()
        for tp, committed in offsets.items():
            if self._ours(tp.topic) == topic and committed.offset >= 0:
                found[tp.partition] = committed.offset
        return found

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        async with reached(self._settings, consumer.stop):
            await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def _assign(
        self, consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int] | None
    ) -> list[TopicPartition]:
        wanted = await self._partitions(consumer, topic) if partitions is None else partitions
        assigned = [TopicPartition(self._settings.prefix + topic, p) for p in wanted]
        consumer.assign(assigned)
        return assigned

    async def _partitions(self, consumer: AIOKafkaConsumer, topic: str) -> list[int]:
        name = self._settings.prefix + topic
        # Metadata is asked for by name: a consumer without a subscription knows no topics yet.
        metadata = await consumer._client.fetch_all_metadata()
        found = metadata.partitions_for_topic(name)
        if not found:
            raise MissingTopic(f"topic {name!r} does not exist; `freshet up` creates the topics")
        return sorted(found)

    def _ours(self, name: str) -> str:
        return name.removeprefix(self._settings.prefix)

    def _record(self, message: Any) -> Record:
        return Record(
            self._ours(message.topic),
            message.partition,
            message.offset,
            message.key,
            message.value,
            message.headers,
            message.timestamp,
        )


class MissingTopic(FreshetError):
    """A topic that is not there yet."""


class NoBroker(FreshetError):
    """No broker answers."""


@asynccontextmanager
async def reached(settings: Kafka, close: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Around a client's start: one that did not get through is closed."""
    try:
        yield
    except KafkaConnectionError:
        await close()
        raise NoBroker(
            f"no Kafka broker answers at {settings.bootstrap}; `freshet up` starts one, "
            "FRESHET_KAFKA__BOOTSTRAP names another"
        ) from None


def client_options(settings: Kafka) -> dict[str, Any]:
    """What every client of the cluster is made with."""
    security = {name: secret.get_secret_value() for name, secret in settings.security.items()}
    return {"bootstrap_servers": settings.bootstrap, **security}


async def ensure_topics(
    settings: Kafka, horizon_ms: int, index_versions: Iterable[str] = ()
) -> list[str]:
    """Create the topics that are missing, those of index versions too; returns their names."""
    versions = (topic for version in index_versions for topic in index_topics(version))
    wanted = {topic.name: topic for topic in (*TOPICS.values(), *versions)}
    admin = AIOKafkaAdminClient(**client_options(settings))
    async with reached(settings, admin.close):
        await admin.start()
    try:
        there = set(await admin.list_topics())
        missing = {
            settings.prefix + topic.name: topic
            for topic in wanted.values()
            if settings.prefix + topic.name not in there
        }
        if not missing:
            return []
        response = await admin.create_topics(
            [
                NewTopic(
                    name,
                    num_partitions=settings.partitions,
                    replication_factor=settings.replication,
                    topic_configs=configs(topic, horizon_ms),
                )
                for name, topic in missing.items()
            ]
        )
        failed = [e for e in response.topic_errors if e[1] not in (0, _TOPIC_EXISTS)]
        if failed:
            raise RuntimeError(f"could not create topics: {failed}")
        return sorted(missing)
    finally:
        await admin.close()
