"""What an index version made of `documents`, event by event, as the log has it."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from processors.assemble import Assembled, Assembler
from processors.indexer import Incoming
from processors.replay.index_of import Happened
from schemas.topics import changes_topic
from streams.clients.kafka import Record
from streams.replay.folds import check_beginning, event_of
from streams.replay.indexfile import Step
from streams.replay.source import Source


class History:
    """An index version's past, up to an index time."""

    def __init__(self, source: Source, version: str, until: int) -> None:
        """`until` is the last index time that anybody reads at."""
        self._source = source
        self._version = version
        self._until = until
        self.whole_from = 0
        """The index time from which `documents` still has every version that showed: known once
        `events` was read to its end."""
        self.read: dict[str, dict[str, list[int]]] = {}
        """Of each topic and partition the first and the last offset that was used."""

    async def check(self) -> None:
        """See that its changes begin at the beginning. Raises ChangesGone and MissingTopic."""
        check_beginning(self._source, self._topic, await self._source.spans(self._topic))

    async def vectors(self) -> AsyncIterator[dict[str, bytes]]:
        """What was embedded for it, by embed key, some at a time."""
        for partition in sorted(await self._source.spans(self._topic)):
            async for step in self._assembled(partition):
                yield {unit.embed_key: unit.vector for p in step.parts for unit in p.units_gained}

    async def steps(self) -> AsyncIterator[Step]:
        """Its own changes, partition by partition."""
        for partition in sorted(await self._source.spans(self._topic)):
            applied = -1
            async for step in self._assembled(partition):
                if step.parts or step.applied > applied:
                    yield Step(partition, step.index_time, step.applied, step.parts)
                applied = max(applied, step.applied)

    async def events(self) -> AsyncIterator[Happened]:
        """The events of `documents` that it had handled by then, partition by partition."""
        for partition in sorted(await self._source.spans("documents")):
            async for event in self._events(partition):
                yield event

    @property
    def _topic(self) -> str:
        return changes_topic(self._version)

    async def _events(self, partition: int) -> AsyncIterator[Happened]:
        """Both topics side by side, so that neither is in memory as a whole."""
        lost: set[str] = set()
        documents = self._source.read("documents", partitions=[partition])
        async with aclosing(documents) as reading:
            record = await anext(reading, None)
            async for step in self._assembled(partition):
                while record is not None and record.offset < step.applied:
                    # Handled, without a change of its own: it names no document, say.
                    yield self._happened(record, None)
                    record = await anext(reading, None)
                if record is None or record.offset > step.applied:
                    self._note_lost(step, lost)
                    continue
                yield self._happened(record, step if step.parts else None)
                self._note_found(step, lost)
                record = await anext(reading, None)
        if lost:
            self.whole_from = self._until + 1

    async def _assembled(self, partition: int) -> AsyncIterator[Assembled]:
        assembler = Assembler()
        records = self._source.read(self._topic, partitions=[partition])
        async with aclosing(records) as reading:
            async for record in reading:
                event = event_of(record.value)
                if event is None or event.index_version != self._version:
                    continue
                step = assembler.add(event)
                if step is not None and step.index_time > self._until:
                    return
                if step is not None:
                    if step.parts:
                        self._use(record)
                    yield step

    def _happened(self, record: Record, step: Assembled | None) -> Happened:
        self._use(record)
        return Happened(
            Incoming(record.partition, record.offset, record.key, record.value, record.headers),
            None if step is None else step.index_time,
            None if step is None else step.parts[0].status,
            record.timestamp_ms * 1000,
        )

    def _note_lost(self, step: Assembled, lost: set[str]) -> None:
        """Take note of a version that showed, and that compaction has removed since."""
        if step.parts and step.parts[0].status == "indexed":
            lost.add(step.parts[0].doc_id)
        elif step.parts and step.parts[0].status == "deleted":
            self._note_found(step, lost)

    def _note_found(self, step: Assembled, lost: set[str]) -> None:
        """From here on a document is as it was again."""
        if step.parts and step.parts[0].doc_id in lost:
            lost.discard(step.parts[0].doc_id)
            self.whole_from = max(self.whole_from, step.index_time)

    def _use(self, record: Record) -> None:
        spans = self.read.setdefault(record.topic, {})
        span = spans.setdefault(str(record.partition), [record.offset, record.offset])
        span[1] = record.offset
