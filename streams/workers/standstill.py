"""An indexer of a version that stands still: what it takes of the log, and when it is there."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing

from processors.indexer import Indexer
from processors.readtime import Frozen
from schemas.index import IndexTick
from streams.clients.kafka import LogClient
from streams.views.index import IndexView
from streams.workers.inbox import Message

_TOPIC = "documents"


class StandStill:
    """Where a version stands still, and how it gets there.

    Its changes have the times at which their events were logged, so that the last of its times is
    the one that it is to show. There is one tick for each partition: the last.
    """

    def __init__(self, log: LogClient, frozen: Frozen, indexer: Indexer, view: IndexView) -> None:
        self._log = log
        self._frozen = frozen
        self._indexer = indexer
        self._view = view

    def wanted(self, batch: Sequence[Message]) -> tuple[Sequence[Message], int]:
        """The messages that it is to show, and the time of their changes; others are done with."""
        wanted = [one for one in batch if self._frozen.shows(one.partition, one.offset)]
        for one in batch:
            if not self._frozen.shows(one.partition, one.offset):
                one.ack()
        first = min((one.logged_at for one in wanted), default=0)
        return wanted, min(first, self._frozen.at - 1)

    async def ticks(self, partitions: Iterable[int]) -> list[tuple[int, IndexTick]]:
        """The last ticks of those of these partitions that have come to where it stands still."""
        return [
            (partition, self._indexer.tick(partition, self._frozen.at))
            for partition in sorted(partitions)
            if self._view.place(partition).index_time < self._frozen.at
            and not await self._is_more(partition)
        ]

    async def _is_more(self, partition: int) -> bool:
        """Whether the log has an event that it is to show, and does not yet."""
        start = {partition: self._indexer.handled(partition) + 1}
        records = self._log.read(_TOPIC, start=start, partitions=[partition])
        async with aclosing(records) as reading:
            async for record in reading:
                return self._frozen.shows(partition, record.offset)
        return False
