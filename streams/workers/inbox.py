"""What a worker has received and not yet worked on, taken in natural batches.

While one batch is worked on the next one gathers: a lone event goes through at once, and under
load batches grow until the work keeps up. No timer decides how long an event waits.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Collection
from typing import Generic, Protocol, TypeVar


class Message(Protocol):
    """A record of the role's topic, as Faust hands it over."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    logged_at: int
    """When the broker wrote it: microseconds since the epoch, to the millisecond."""

    def ack(self) -> None:
        """Let the group's committed offset move past it."""
        ...


class Item(Protocol):
    """As much of a record as it takes to hold it."""

    @property
    def partition(self) -> int:
        """Of its topic."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value."""
        ...


_Message = TypeVar("_Message", bound=Item)


class Inbox(Generic[_Message]):
    """A bounded queue in order of arrival. Bounds are in records and in bytes."""

    def __init__(self, *, records: int = 4096, size: int = 64 * 1024 * 1024) -> None:
        self._records = records
        self._bytes = size
        self._held = 0
        self._queue: deque[_Message] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._dropped: Counter[int] = Counter()

    async def put(self, message: _Message) -> None:
        """Add a message; waits while the inbox is full, which holds the consumer back.

        A message whose partition is dropped meanwhile is dropped too: it would come before
        those that are delivered again.
        """
        dropped = self._dropped[message.partition]
        await self._room.wait()
        if self._dropped[message.partition] != dropped:
            return
        self._queue.append(message)
        self._held += _size(message)
        self._arrived.set()
        if len(self._queue) >= self._records or self._held >= self._bytes:
            self._room.clear()

    async def take(self, *, records: int, size: int, timeout: float) -> list[_Message]:
        """All that has gathered, up to a batch's worth; at least one, or none at the timeout."""
        try:
            await asyncio.wait_for(self._arrived.wait(), timeout)
        except TimeoutError:
            return []
        batch: list[_Message] = []
        weight = 0
        while self._queue and len(batch) < records and weight < size:
            batch.append(self._queue.popleft())
            weight += _size(batch[-1])
        self._shrunk(weight)
        return batch

    def drop(self, partitions: Collection[int]) -> None:
        """Forget what came from these partitions: another worker will be given it."""
        self._dropped.update(partitions)
        gone = [message for message in self._queue if message.partition in partitions]
        self._queue = deque(m for m in self._queue if m.partition not in partitions)
        self._shrunk(sum(map(_size, gone)))

    def _shrunk(self, weight: int) -> None:
        self._held -= weight
        if not self._queue:
            self._arrived.clear()
        if len(self._queue) < self._records and self._held < self._bytes:
            self._room.set()


def _size(message: Item) -> int:
    return len(message.value or b"") + 1
