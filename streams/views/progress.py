"""How far the index is, followed live: progress of the log and statistics of its terms."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from msgspec import json

from processors.assemble import Assembler
from processors.readtime import AppliedHistory, Progress
from processors.statistics import Statistics
from schemas.index import IndexEvent, IndexProgress
from schemas.topics import changes_topic, progress_topic
from streams.clients.kafka import LogClient, Record

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class IndexFollower:
    """Folds `index.changes` (terms, events applied) and `index.progress`; wakes those who wait."""

    def __init__(self, log_client: LogClient, index_version: str) -> None:
        self._log = log_client
        self._version = index_version
        self._topics = changes_topic(index_version), progress_topic(index_version)
        self._assemblers: dict[int, Assembler] = {}
        self._changed = asyncio.Condition()
        self._known: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None
        self.statistics = Statistics()
        self.applied = AppliedHistory()
        self.progress = Progress(index_version, 0)

    async def start(self) -> None:
        """Read both topics to where they end now, then follow them."""
        ends = {topic: await self._log.ends(topic) for topic in self._topics}
        self.progress = Progress(self._version, len(ends[self._topics[0]]))
        for topic in ends:
            async for record in self._log.read(topic):
                self._fold(record)
        self._task = asyncio.create_task(self._follow(ends), name="follow the index")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def check(self) -> None:
        """Raise what stopped the following, if anything did."""
        if self._task is not None and self._task.done():
            self._task.result()

    async def wait(self, ask: Callable[[], _T | None], timeout_s: float) -> _T | None:
        """The first answer of `ask` that is not None, asked at each step; None at the timeout."""
        if (found := ask()) is not None:
            return found
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                while (found := ask()) is None:
                    await self._changed.wait()
                return found
        except TimeoutError:
            return None

    def knows(self, at: int) -> bool:
        """Whether the statistics hold every change at or before an index time."""
        everywhere = len(self._known) >= max(self.progress.partitions, 1)
        return everywhere and min(self._known.values()) >= at

    async def _follow(self, start: dict[str, dict[int, int]]) -> None:
        async for record in self._log.follow(start, start=start):
            self._fold(record)
            async with self._changed:
                self._changed.notify_all()

    def _fold(self, record: Record) -> None:
        if record.value is None:
            return
        if record.topic == self._topics[1]:
            self.progress.observe(_progress(record.value))
            return
        event = _event(record.value)
        if event.index_version != self._version:
            return
        step = self._assemblers.setdefault(record.partition, Assembler()).add(event)
        if step is None:
            return
        self._known[record.partition] = step.index_time
        self.applied.note(record.partition, step.index_time, step.applied)
        if step.parts:
            self.statistics.observe(step.parts)


_event = json.Decoder(IndexEvent).decode
_progress = json.Decoder(IndexProgress).decode
