"""The indexer: `documents` in, the `index.changes` of one index version out.

Three stages, so that the embedder always has something to do: plan (in a thread), embed
(Triton), emit. A partition of `index.changes` has one writer, which knows what is in it. Each
record must land where its view of the partition ends; one that lands elsewhere shows that
another indexer has taken the partition over, and this one starts anew from the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from msgspec import json

from processors.clock import IndexClock
from processors.indexer import SOURCE, Incoming, Indexer, Plan
from processors.indexversions import same_embedder, versions
from processors.parts import parts
from processors.ports import Embedder
from processors.readtime import Frozen
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.envelope import headers
from schemas.index import IndexEvent
from schemas.topics import changes_topic, type_of
from streams.clients.kafka import LogClient, Position, partition_of
from streams.config import Settings
from streams.indexchanges import submit
from streams.views.control import ControlView
from streams.views.index import IndexView
from streams.workers import freshness, measures, seeds
from streams.workers.embedding import embedded
from streams.workers.inbox import Message
from streams.workers.shell import Clock
from streams.workers.standstill import StandStill
from streams.workers.viewcheck import is_of_log

log = logging.getLogger(__name__)

_QUIET_SHARE = 10
_RAREST_TICK_US = 10_000_000


class PartitionLost(RuntimeError):
    """Another indexer writes to a partition that this one held."""


class _Work(NamedTuple):
    """A planned batch on its way through the stages."""

    messages: Sequence[Message]
    plan: Plan
    vectors: dict[str, bytes]


class IndexerHandler:
    """Plans, embeds and emits. Implements `streams.workers.shell.Handler`."""

    topic = "documents"
    batch_bytes = 48 * 1024

    def __init__(
        self,
        settings: Settings,
        log_client: LogClient,
        embedder: Embedder,
        spec: IndexSpec,
        control: ControlView,
        clock: Clock,
        frozen: Frozen | None = None,
    ) -> None:
        """`frozen` is where the version stands still; None where it follows the log."""
        self.batch_records = settings.limits.batch_documents
        self._changes = changes_topic(spec.name)
        self._settings = settings
        self._log = log_client
        self._embedder = embedder
        self._spec = spec
        self._control = control
        self._clock = clock
        times = IndexClock()
        folder = settings.state_dir / "indexer" / settings.worker_id
        self._view = IndexView(folder / f"{spec.name}.sqlite", times)
        self._partitions = settings.kafka.partitions
        self._indexer = Indexer(
            spec, self._view, times, lambda key: partition_of(key, self._partitions)
        )
        self._still = (
            None if frozen is None else StandStill(log_client, frozen, self._indexer, self._view)
        )
        self._owned: frozenset[int] = frozenset()
        self._ends: dict[int, int] = {}
        """Partition of `index.changes` to the offset that the next record must get."""
        self._worked = self._ticked = clock()
        self._steady = asyncio.Lock()
        """Held while a plan is made or the view changes: one of them at a time."""
        self._to_embed: asyncio.Queue[_Work] = asyncio.Queue(maxsize=1)
        self._to_emit: asyncio.Queue[_Work] = asyncio.Queue(maxsize=1)
        self._stages: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Read `index.changes` from where the view stands; start the stages."""
        await self._control.start()
        self._partitions = len(await self._log.ends("documents"))
        if not await is_of_log(self._view, self._log, self._changes, self._partitions):
            log.warning("the view in %s is of another log: made anew", self._settings.state_dir)
            self._view.clear()
        await self._catch_up()
        if self._is_building():
            others = same_embedder(self._control.control, self._spec)
            await seeds.gather(self._log, self._view, others)
        self._stages = [
            asyncio.create_task(self._embed_all(), name="embed"),
            asyncio.create_task(self._emit_all(), name="emit"),
        ]

    async def close(self) -> None:
        """Stop the stages. What is planned and not emitted will be planned again."""
        for stage in self._stages:
            stage.cancel()
        await asyncio.gather(*self._stages, return_exceptions=True)
        await self._control.stop()
        self._view.close()

    async def assign(self, partitions: frozenset[int]) -> None:
        """Bring the view to the end of the log, so that new partitions go on where they stood."""
        self._owned = partitions
        async with self._steady:
            lost = await self._catch_up() & self._indexer.busy()
        if lost:
            raise PartitionLost(f"{self._changes}/{sorted(lost)}: another indexer wrote meanwhile")
        await self._pass_time()

    async def revoke(self, partitions: frozenset[int]) -> None:
        """A change that lands after another's shows that the partition is lost."""

    async def process(self, batch: Sequence[Message]) -> None:
        """Plan a batch and hand it to the embedder; waits while two batches are ahead of it."""
        self._check_stages()
        self._worked = self._clock()
        now = self._worked
        if self._still is not None:
            batch, now = self._still.wanted(batch)
            if not batch:
                await self._pass_time()
                return
        incoming = [Incoming(m.partition, m.offset, m.key, m.value, m.headers) for m in batch]
        async with self._steady:
            with measures.stage("indexer", "plan"):
                plan = await asyncio.to_thread(self._indexer.plan, incoming, now)
        handed_on = asyncio.ensure_future(self._to_embed.put(_Work(batch, plan, {})))
        await asyncio.wait([handed_on, *self._stages], return_when=asyncio.FIRST_COMPLETED)
        self._check_stages()
        await handed_on

    async def idle(self) -> None:
        """Let the index time of every partition advance with the clock.

        Ticks stay in the log, so the longer nothing happens the rarer they get.
        """
        self._check_stages()
        now = self._clock()
        quiet = now - self._worked
        if self._still is not None or now - self._ticked >= min(
            quiet / _QUIET_SHARE, _RAREST_TICK_US
        ):
            await self._pass_time()

    def _is_building(self) -> bool:
        version = versions(self._control.control).get(self._spec.name)
        return version is not None and version.state == "building"

    def _check_stages(self) -> None:
        self._control.check()
        for stage in self._stages:
            if stage.done():
                stage.result()

    async def _embed_all(self) -> None:
        while True:
            work = await self._to_embed.get()
            if work.plan.to_embed:
                with measures.stage("indexer", "embed"):
                    work.vectors.update(await embedded(self._embedder, work.plan.to_embed))
            await self._to_emit.put(work)

    async def _emit_all(self) -> None:
        while True:
            work = await self._to_emit.get()
            async with self._steady:
                with measures.stage("indexer", "emit"):
                    await self._emit(work)
                measures.indexed(work.plan)
            for message in work.messages:
                message.ack()

    async def _emit(self, work: _Work) -> None:
        """Write a batch's changes, then remember them: in this order, whatever crashes."""
        plan = work.plan
        known = self._view.vectors(plan.needed - work.vectors.keys())
        vectors = {**known, **work.vectors}
        if not self._is_building():
            await self._speak(plan)
        events: list[tuple[int, IndexEvent]] = [
            (draft.change.source.partition, part)
            for draft in plan.drafts
            for part in parts(draft, vectors)
        ]
        # The changes have the times of their plan; the ticks bring reads up to this moment.
        logged_at = {(m.partition, m.offset): m.logged_at for m in work.messages}
        await self._append([*events, *self._ticks(plan)], logged_at)
        self._indexer.forget(plan)

    async def _speak(self, plan: Plan) -> None:
        """Send on what is misplaced, and put aside what is bad.

        A version that is being built reads again what others have dealt with long ago: it keeps
        silent, and leaves what comes meanwhile to those that serve.
        """
        for incoming in plan.rekey:
            await self._log.send("documents", incoming.key, incoming.value, incoming.headers)
        for letter in plan.dead:
            place = f"{letter.topic}/{letter.partition}@{letter.offset}"
            name = headers(type_of(letter), source=SOURCE, id=place, time=letter.at)
            await self._log.send("dead-letters", letter.key, encode(letter), name)

    async def _pass_time(self) -> None:
        """Tell how far time has come; of a version that stands still, once, that it is there."""
        async with self._steady:
            if self._still is None:
                await self._append(self._ticks())
            else:
                free = self._owned - self._indexer.busy()
                await self._append([*await self._still.ticks(free)])

    def _ticks(self, written: Plan | None = None) -> list[tuple[int, IndexEvent]]:
        """A tick for each partition that has no planned change still to come after `written`; none
        of a version that stands still, which has its own way to end."""
        if self._still is not None:
            return []
        self._ticked = now = self._clock()
        free = self._owned - self._indexer.busy(written)
        return [(partition, self._indexer.tick(partition, now)) for partition in sorted(free)]

    async def _append(
        self,
        events: Sequence[tuple[int, IndexEvent]],
        logged_at: Mapping[tuple[int, int], int] = MappingProxyType({}),
    ) -> None:
        sent: list[Awaitable[Position]] = []
        for partition, event in events:
            more = freshness.header(event, logged_at)
            sent.append(await submit(self._log, self._changes, partition, event, more))
        landed = [await position for position in sent]
        ends: dict[int, int] = {}
        for (partition, _), position in zip(events, landed, strict=True):
            expected = ends.get(partition, self._ends[partition])
            if position.offset != expected:
                raise PartitionLost(
                    f"{self._changes}/{partition}: wrote at {position.offset}, not at {expected}"
                )
            ends[partition] = expected + 1
        self._view.apply(
            [
                (partition, position.offset, event)
                for (partition, event), position in zip(events, landed, strict=True)
            ]
        )
        self._ends.update(ends)

    async def _catch_up(self) -> set[int]:
        """Fold what the log has beyond the view; says in which partitions others have written."""
        known, foreign = self._ends, set[int]()
        start = {p: self._view.place(p).next_offset for p in range(self._partitions)}
        self._ends = dict(start)
        batch: list[tuple[int, int, IndexEvent]] = []
        async for record in self._log.read(self._changes, start=start):
            event = _decode(record.value or b"")
            batch.append((record.partition, record.offset, event))
            self._ends[record.partition] = record.offset + 1
            if record.offset >= known.get(record.partition, 0):
                foreign.add(record.partition)
            if len(batch) >= 256:
                self._view.apply(batch)
                batch.clear()
        self._view.apply(batch)
        return foreign


_decode = json.Decoder(IndexEvent).decode
