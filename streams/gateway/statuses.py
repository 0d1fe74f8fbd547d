"""The status of documents, followed live, and waiting for it."""

import asyncio
from collections.abc import Callable

from streams.clients.kafka import LogClient, Position, Record
from streams.views.documentstatus import DocumentStatus
from streams.views.follower import Follower
from streams.views.status import StatusView

_BATCH = 256


class Statuses:
    """Keeps a `StatusView` in step with the log and wakes those who wait for a write."""

    def __init__(self, log: LogClient, open_view: Callable[[int], StatusView]) -> None:
        """`open_view` is given the number of partitions, which is that of every topic."""
        self._log = log
        self._open = open_view
        self._news = asyncio.Event()
        self.follower = Follower(log, self._take)

    async def start(self, failed: Callable[[], None]) -> None:
        """Read both topics to where they end now, then follow them."""
        self.view = self._open(len(await self._log.ends("documents")))
        self.view.restart_beyond({topic: await self._log.ends(topic) for topic in self.view.topics})
        for topic in self.view.topics:
            await self._catch_up(topic)
        self.follower.start(self.view.places(), failed)

    async def stop(self) -> None:
        """Stop following and let go of the view."""
        await self.follower.stop()
        self.view.close()

    async def until_shown(self, doc_id: str, position: Position, timeout_s: float) -> bool:
        """Whether every read shows a write of a document, waiting at most `timeout_s` for it."""
        partition, offset = position.partition, position.offset
        target: int | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while target is None or not self.view.shows(partition, offset, target):
                    if target is None and self.view.handled(partition, offset):
                        # Settled once: later writes of the document keep nobody waiting.
                        status = self.view.get(doc_id)
                        target = status.index_time if status else 0
                    else:
                        await self._news.wait()
                return True
        except TimeoutError:
            return False

    def is_applied(self, status: DocumentStatus) -> bool:
        """Whether every read from now on shows a document's newest event."""
        return self.view.shows(status.partition, status.offset, status.index_time)

    async def _catch_up(self, topic: str) -> None:
        batch: list[Record] = []
        async for record in self._log.read(topic, start=self.view.places()[topic]):
            batch.append(record)
            if len(batch) >= _BATCH:
                self.view.apply(batch)
                batch.clear()
        self.view.apply(batch)

    def _take(self, record: Record) -> None:
        self.view.apply([record])
        news, self._news = self._news, asyncio.Event()
        news.set()
