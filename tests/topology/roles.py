"""Workers under a test's control: a clock, a consumer group, and a role that may crash."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from streams.clients.kafka import Record
from streams.workers.shell import Handler
from tests.doubles.log import MemoryLog

SECOND = 1_000_000
BEGIN = 1_700_000_000 * SECOND
_TURNS = 150


class Crash(Exception):
    """The process is gone."""


class ManualClock:
    """Microseconds since the epoch; stands still until it is told."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> int:
        """The time."""
        return self.now

    def advance(self, microseconds: int = SECOND) -> None:
        """Let time pass."""
        self.now += microseconds


class Delivered:
    """A record as a worker gets it."""

    def __init__(self, record: Record, acked: Callable[["Delivered"], None]) -> None:
        self.partition = record.partition
        self.offset = record.offset
        self.key = record.key
        self.value = record.value
        self.headers = list(record.headers)
        self.logged_at = record.timestamp_ms * 1000
        self._acked = acked

    def ack(self) -> None:
        """Let the group's committed offset move past it."""
        self._acked(self)


class Group:
    """A consumer group's place in one topic: it commits past what is acknowledged, unbroken."""

    def __init__(self, log: MemoryLog, topic: str) -> None:
        self.before_ack: Callable[[Delivered], None] | None = None
        self._log = log
        self._topic = topic
        self._position = dict.fromkeys(range(log.partitions), 0)
        self._waiting: dict[tuple[int, int], Delivered] = {}

    def poll(self, records: int, size: int) -> list[Delivered]:
        """The next batch; partitions one after the other."""
        batch: list[Delivered] = []
        weight = 0
        for partition in range(self._log.partitions):
            for record in self._log.all(self._topic, partition):
                if record.offset < self._position[partition]:
                    continue
                if len(batch) >= records or weight >= size:
                    return batch
                self._position[partition] = record.offset + 1
                delivered = Delivered(record, self._acked)
                self._waiting[partition, record.offset] = delivered
                batch.append(delivered)
                weight += len(record.value or b"") + 1
        return batch

    def unacked(self) -> list[tuple[int, int]]:
        """Partition and offset of what was delivered and not acknowledged."""
        return sorted(self._waiting)

    def rewind(self) -> None:
        """Begin again at what is committed, as after a crash or a rebalance."""
        for partition, offset in self._waiting:
            self._position[partition] = min(self._position[partition], offset)
        self._waiting.clear()

    def place(self) -> dict[int, int]:
        """The next offset of each partition."""
        return dict(self._position)

    def seek(self, place: dict[int, int]) -> None:
        """Deliver once more from a place on, as if what was committed since had been lost."""
        self._waiting.clear()
        self._position.update(place)

    def _acked(self, delivered: Delivered) -> None:
        if self.before_ack is not None:
            self.before_ack(delivered)
        self._waiting.pop((delivered.partition, delivered.offset), None)


class Role:
    """A worker that may crash and be started anew."""

    def __init__(self, make: Callable[[], Handler], group: Group, partitions: int) -> None:
        self.group = group
        self.partitions = frozenset(range(partitions))
        self._make = make
        self._handler: Handler | None = None

    @property
    def handler(self) -> Any:
        """The handler in force."""
        assert self._handler is not None, "not started"
        return self._handler

    async def start(self) -> None:
        """As the shell does: connect, then take up the partitions."""
        self._handler = self._make()
        await self._handler.open()
        await self._handler.assign(self.partitions)

    async def step(self, records: int | None = None) -> int:
        """Deliver one batch and let it be worked on; returns how many records it had."""
        handler = self.handler
        batch = self.group.poll(records or handler.batch_records, handler.batch_bytes)
        if batch:
            await handler.process(batch)
            await turns()
        return len(batch)

    async def drain(self, records: int | None = None) -> None:
        """Step until nothing is left to deliver."""
        while await self.step(records):
            pass

    async def idle(self) -> None:
        """Nothing came for a while."""
        await self.handler.idle()
        await turns()

    async def settle(self, records: int | None = None) -> None:
        """Work on all there is, and notice what has failed."""
        await self.drain(records)
        await self.idle()

    async def dies(self, records: int | None = None) -> None:
        """Go on until the fault that a test put in kills it; fails when nothing does."""
        with pytest.raises(Crash):
            await self.settle(records)
        await self.crash()

    async def crash(self) -> None:
        """Throw the worker away; what it had not acknowledged will be delivered again."""
        if self._handler is not None:
            await self._handler.close()
        self._handler = None
        self.group.before_ack = None
        self.group.rewind()

    async def restart(self) -> None:
        """Crash and start anew."""
        await self.crash()
        await self.start()


def refuse(topic: str, *, after: int = 0) -> Callable[[Record], None]:
    """A fault for the log: the process dies at a record of a topic, not at the first `after`."""
    left = after

    def fault(record: Record) -> None:
        nonlocal left
        if record.topic == topic:
            left -= 1
            if left < 0:
                raise Crash

    return fault


def die(*_: object) -> None:
    """A fault for any other place."""
    raise Crash


async def turns(count: int = _TURNS) -> None:
    """Let the tasks of the loop go on until, in memory, none has anything left to do."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(done: Callable[[], bool]) -> None:
    """Wait for what takes real time, such as a timeout; pytest's own limit ends it."""
    while not done():  # noqa: ASYNC110
        await asyncio.sleep(0.005)
