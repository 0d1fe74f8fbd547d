"""The writer: an index version's `index.changes` in, rows in Milvus and `index.progress` out.

Progress is published only when every row of a batch is as it should be, and readers read at a
time that every partition's progress has reached; so no reader sees a batch half done.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import count

from msgspec import json

from processors.assemble import Assembled, Assembler
from processors.ports import IndexWriter
from schemas.codec import encode
from schemas.envelope import headers
from schemas.index import IndexChange, IndexEvent, IndexProgress
from schemas.topics import changes_topic, progress_topic, type_of
from streams.clients.errors import IndexUnavailable
from streams.clients.kafka import LogClient
from streams.config import Settings
from streams.workers import freshness, measures
from streams.workers.inbox import Message
from streams.workers.patience import until_available
from streams.workers.shell import Clock

log = logging.getLogger(__name__)

SOURCE = "freshet/writer"

_COLLECT_EVERY_US = 600 * 1_000_000


class WriterHandler:
    """Applies batches and publishes progress. Implements `streams.workers.shell.Handler`."""

    batch_records = 256
    batch_bytes = 4 * 1024 * 1024

    def __init__(
        self,
        settings: Settings,
        log_client: LogClient,
        index: IndexWriter,
        version: str,
        clock: Clock,
        sweep: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        """`sweep` is called now and then with the horizon: nothing that ended before it is asked
        for any more."""
        self.topic = changes_topic(version)
        self._progress = progress_topic(version)
        self._settings = settings
        self._log = log_client
        self._index = index
        self._version = version
        self._clock = clock
        self._assemblers: dict[int, Assembler] = {}
        self._done: dict[int, int] = {}
        """Partition to the last offset of `index.changes` that the index shows."""
        self._unsure: dict[int, int] = {}
        """Partition to the end of what an earlier attempt may have applied in part."""
        self._held: defaultdict[int, list[Message]] = defaultdict(list)
        """Messages of what is not yet published: a crash must give them again."""
        self._beaten: defaultdict[int, set[str]] = defaultdict(set)
        """Documents of which a newer event of the same batch is still to come. Until it shows,
        nobody may be told that the older one does: he would find what was there before both."""
        self._collected = 0
        self._sweep = sweep

    async def open(self) -> None:
        """Make the collections, once Milvus answers."""
        await until_available(self._index.ensure, IndexUnavailable)

    async def close(self) -> None:
        """Nothing is held back."""

    async def assign(self, partitions: frozenset[int]) -> None:
        """Go on from the progress that was published, by whomever."""
        for gone in self._assemblers.keys() - partitions:
            del self._assemblers[gone]
            self._held.pop(gone, None)
            self._beaten.pop(gone, None)
        ends = await self._log.ends(self.topic)
        for partition in partitions - self._assemblers.keys():
            self._assemblers[partition] = Assembler()
            self._done[partition] = -1
            self._unsure[partition] = ends[partition]
        async for record in self._log.read(self._progress):
            if record.value is None:
                continue
            progress = _progress(record.value)
            partition = progress.partition
            if partition not in partitions or progress.index_version != self._version:
                continue
            # Greater than ours where another writer had the partition, if only for a moment.
            if progress.changes_offset > self._done[partition]:
                self._assemblers[partition] = Assembler(progress.index_time, progress.applied)
                self._done[partition] = progress.changes_offset
                self._unsure[partition] = ends[partition]
                self._held.pop(partition, None)
                self._beaten.pop(partition, None)

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Nothing goes on beside `process`."""

    async def process(self, batch: Sequence[Message]) -> None:
        """Apply a batch as one, then say so."""
        steps: dict[int, Assembled] = {}
        offsets: dict[int, int] = {}
        changes: list[IndexChange] = []
        known = [m for m in batch if m.offset <= self._done[m.partition]]
        settled = [*known]
        for message in batch:
            if message.offset <= self._done[message.partition]:
                continue
            held = self._held[message.partition]
            held.append(message)
            step = self._assemblers[message.partition].add(_event(message.value or b""))
            if step is None:
                continue
            changes.extend(step.parts)
            if not self._awaits(message.partition, step):
                settled.extend(held)
                held.clear()
                steps[message.partition] = step
                offsets[message.partition] = message.offset
        if changes:
            check = any(m.offset < self._unsure[m.partition] for m in batch)
            with measures.stage("writer", "apply"):
                await self._apply(changes, check=check)
        with measures.stage("writer", "publish"):
            await self._publish(steps, offsets)
        now = self._clock()
        measures.shown(
            (now - logged_at) / 1e6
            for message in settled[len(known) :]
            if (logged_at := freshness.logged_at(message.headers)) is not None
        )
        for message in settled:
            message.ack()
        measures.outcomes("writer", {"applied": len(settled) - len(known), "known": len(known)})

    async def idle(self) -> None:
        """Drop rows that no read within the horizon can ask for."""
        now = self._clock()
        if now - self._collected > _COLLECT_EVERY_US:
            self._collected = now
            horizon = now - self._settings.limits.horizon_ms * 1000
            await self._index.collect(horizon)
            if self._sweep is not None:
                await self._sweep(horizon)

    def _awaits(self, partition: int, step: Assembled) -> bool:
        """Whether what beat an event of this partition is still to come, after this step."""
        beaten = self._beaten[partition]
        if step.parts:
            head = step.parts[0]
            (beaten.add if head.status == "conflated" else beaten.discard)(head.doc_id)
        return bool(beaten)

    async def _apply(self, changes: Sequence[IndexChange], *, check: bool) -> None:
        """Until it is done: a failed attempt may have got anywhere, so the next one looks first."""
        attempts = count()
        await until_available(
            lambda: self._index.apply(changes, check=check or next(attempts) > 0),
            IndexUnavailable,
        )

    async def _publish(self, steps: dict[int, Assembled], offsets: dict[int, int]) -> None:
        sent = []
        for partition, step in steps.items():
            progress = IndexProgress(
                partition=partition,
                index_version=self._version,
                index_time=step.index_time,
                applied=step.applied,
                changes_offset=offsets[partition],
            )
            name = headers(type_of(progress), source=SOURCE, time=self._clock())
            value = encode(progress)
            sent.append(
                await self._log.submit(self._progress, str(partition), value, name, partition)
            )
        for position in sent:
            await position
        self._done.update(offsets)


_event = json.Decoder(IndexEvent).decode
_progress = json.Decoder(IndexProgress).decode
