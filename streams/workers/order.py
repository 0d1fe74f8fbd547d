"""That no event of a partition is passed over, whatever the consumer does in a rebalance.

A consumer group's member fetches ahead, and when partitions change hands what it fetched is
thrown away and fetched again. Where that goes wrong, an event is never delivered, and the next
commit buries it. So what is delivered must follow on from what was committed. Offsets may be
missing, for compaction and retention leave holes; only the log can tell a hole from a loss.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing

from streams.clients.kafka import LogClient
from streams.workers.inbox import Message

_LOOKED_AT = 1000
"""Offsets read at once where there is a hole: an old log that was compacted has many."""


class PassedOver(RuntimeError):
    """An event of the log was not delivered."""


class Order:
    """Watches the deliveries of one topic."""

    def __init__(self, log_client: LogClient, topic: str) -> None:
        self._log = log_client
        self._topic = topic
        self._next: dict[int, int] = {}
        self._known: dict[int, tuple[int, Sequence[int]]] = {}
        """Partition to the offset up to which the log was looked at, and those found there."""

    def begin(self, committed: Mapping[int, int]) -> None:
        """From now on these partitions are delivered, each from its committed offset on."""
        self._next = dict(committed)
        self._known.clear()

    async def check(self, batch: Sequence[Message]) -> None:
        """Raise PassedOver where an event before one of these is in the log and never came."""
        for message in batch:
            expected = self._next[message.partition]
            if message.offset > expected:
                await self._check_hole(message.partition, expected, message.offset)
            self._next[message.partition] = max(expected, message.offset + 1)

    async def _check_hole(self, partition: int, start: int, end: int) -> None:
        looked_to, found = self._known.get(partition, (0, ()))
        if end > looked_to:
            looked_to, found = self._known[partition] = await self._look(partition, start, end)
        if lost := [offset for offset in found if start <= offset < end]:
            raise PassedOver(
                f"{self._topic}/{partition}: {len(lost)} events from {lost[0]} on were not "
                f"delivered before {end}"
            )

    async def _look(self, partition: int, start: int, end: int) -> tuple[int, list[int]]:
        """Which offsets from `start` on are in the log; as far as `end`, or further."""
        found: list[int] = []
        records = self._log.read(self._topic, start={partition: start}, partitions=[partition])
        async with aclosing(records) as reading:
            async for record in reading:
                found.append(record.offset)
                if record.offset >= end and len(found) >= _LOOKED_AT:
                    break
        return max([end, *found[-1:]]), found
