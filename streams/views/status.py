"""What became of each document: a fold of `index.changes` and `index.progress`, kept in SQLite.

Beside it stand the writes made here that no change accounts for yet. Records and the position
they bring the fold to are written in one transaction, so it goes on where it stood.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from processors.assemble import Assembled, Assembler
from processors.readtime import Progress
from schemas.index import ChangeStatus, IndexChange, IndexEvent, IndexProgress
from schemas.topics import changes_topic, progress_topic
from streams.clients.kafka import Record

_SCHEMA = """
create table if not exists positions (
    topic text not null, partition integer not null, next_offset integer not null,
    index_time integer not null, applied integer not null, primary key (topic, partition)
) strict;
create table if not exists documents (doc_id text primary key, status blob not null) strict;
create table if not exists writes (doc_id text primary key, write blob not null) strict;
create table if not exists progress (partition integer primary key, value blob not null) strict;
"""

State = Literal["indexed", "deleted", "absent"]


class DocumentStatus(Struct, frozen=True, kw_only=True):
    """The newest event of a document that the indexer has handled, and what stands since."""

    outcome: ChangeStatus
    partition: int
    offset: int
    """Of the event in `documents`."""
    index_time: int
    changes_offset: int
    """Where the change stands in the same partition of `index.changes`."""
    state: State
    """Whether there is such a document, whatever became of the newest event."""
    acl: list[str] | None
    """Who finds it; of one that is gone, who did."""
    title: str = ""
    uri: str | None = None
    content_type: str | None = None
    updated_at: str | None = None
    passages: int = 0
    units: int = 0
    units_embedded: int = 0


class Write(Struct, frozen=True, kw_only=True):
    """An event of `documents` that was sent from here and is not handled yet."""

    partition: int
    offset: int
    is_deletion: bool
    acl: list[str] | None


class StatusView:
    """The fold, for one index version. Serves one thread."""

    def __init__(self, path: Path, index_version: str, partitions: int) -> None:
        """Open the view at `path`, or begin an empty one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        # What a power cut takes from the view, the log still has.
        self._db.execute("pragma synchronous = off")
        self._db.executescript(_SCHEMA)
        self._version = index_version
        self.topics = changes_topic(index_version), progress_topic(index_version)
        self._partitions = partitions
        self._load()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def places(self) -> dict[str, dict[int, int]]:
        """The next offset to fold, by topic and partition."""
        return {topic: dict(places) for topic, places in self._places.items()}

    def restart_beyond(self, ends: Mapping[str, Mapping[int, int]]) -> None:
        """Begin again where the view has read more than there is: then this is another log."""
        for topic, places in self._places.items():
            for partition, place in places.items():
                if place > ends[topic].get(partition, 0):
                    self._clear()
                    return

    def get(self, doc_id: str) -> DocumentStatus | None:
        """What is known of a document; None where no event of it was handled."""
        found = self._value("select status from documents where doc_id = ?", doc_id)
        return None if found is None else _status(found)

    def write(self, doc_id: str) -> Write | None:
        """The newest write from here that is not handled yet."""
        found = self._value("select write from writes where doc_id = ?", doc_id)
        return None if found is None else _write(found)

    def note(self, doc_id: str, write: Write) -> None:
        """Remember a write until a change accounts for it."""
        if not self.handled(write.partition, write.offset):
            self._db.execute(
                "insert or replace into writes values (?, ?)", (doc_id, _encode(write))
            )

    def handled(self, partition: int, offset: int) -> bool:
        """Whether the indexer has handled this event of `documents`."""
        return self._handled.get(partition, -1) >= offset

    def shows(self, partition: int, offset: int, index_time: int) -> bool:
        """Whether every read from now on is made with this event applied, at its index time."""
        latest = self.progress.read_time()
        applied = self.progress.shown_at(partition, offset) is not None
        return applied and latest is not None and latest >= index_time

    def apply(self, records: Sequence[Record]) -> None:
        """Fold records of both topics in their order; all of them or none."""
        with self._transaction():
            for record in records:
                if record.topic == self.topics[1]:
                    self._progressed(record)
                elif record.value is not None:
                    self._changed(record, _event(record.value))

    def _progressed(self, record: Record) -> None:
        if record.value is not None:
            progress = _progress(record.value)
            self.progress.observe(progress)
            if progress.index_version == self._version:
                self._db.execute(
                    "insert or replace into progress values (?, ?)",
                    (progress.partition, record.value),
                )
        self._moved(record.topic, record.partition, record.offset + 1)

    def _changed(self, record: Record, event: IndexEvent) -> None:
        if event.index_version != self._version:
            return
        step = self._assemblers.setdefault(record.partition, Assembler()).add(event)
        if step is None:
            return
        if step.parts:
            self._remember(step.parts, record.offset)
        self._handled[record.partition] = step.applied
        self._moved(record.topic, record.partition, record.offset + 1, step)

    def _remember(self, parts: Sequence[IndexChange], changes_offset: int) -> None:
        change = parts[0]
        if change.status == "rekeyed":
            return  # the same event comes again, in the partition of its key
        write = self.write(change.doc_id)
        source = change.source
        mine = write is not None and (write.partition, write.offset) == (
            source.partition,
            source.offset,
        )
        acl = write.acl if write is not None and mine else None
        after = folded(self.get(change.doc_id), parts, changes_offset, acl)
        self._db.execute(
            "insert or replace into documents values (?, ?)", (change.doc_id, _encode(after))
        )
        if write is not None and _is_past(write, source.partition, source.offset):
            self._db.execute("delete from writes where doc_id = ?", (change.doc_id,))

    def _moved(
        self, topic: str, partition: int, next_offset: int, step: Assembled | None = None
    ) -> None:
        self._places[topic][partition] = next_offset
        self._db.execute(
            "insert or replace into positions values (?, ?, ?, ?, ?)",
            (
                topic,
                partition,
                next_offset,
                step.index_time if step else 0,
                step.applied if step else -1,
            ),
        )

    def _load(self) -> None:
        self._places: dict[str, dict[int, int]] = {topic: {} for topic in self.topics}
        self._handled: dict[int, int] = {}
        self._assemblers: dict[int, Assembler] = {}
        self.progress = Progress(self._version, self._partitions)
        for topic, partition, next_offset, index_time, applied in self._rows(
            "select topic, partition, next_offset, index_time, applied from positions"
        ):
            self._places[topic][partition] = next_offset
            if topic == self.topics[0]:
                self._handled[partition] = applied
                self._assemblers[partition] = Assembler(index_time, applied)
        for (value,) in self._rows("select value from progress"):
            self.progress.observe(_progress(value))

    def _clear(self) -> None:
        with self._transaction():
            for table in ("positions", "documents", "writes", "progress"):
                self._db.execute(f"delete from {table}")  # noqa: S608
        self._load()

    def _value(self, statement: str, doc_id: str) -> bytes | None:
        found = self._db.execute(statement, (doc_id,)).fetchone()
        return None if found is None else bytes(found[0])

    def _rows(self, statement: str) -> Iterable[tuple[Any, ...]]:
        return self._db.execute(statement).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")


def folded(
    before: DocumentStatus | None,
    parts: Sequence[IndexChange],
    changes_offset: int,
    acl: list[str] | None,
) -> DocumentStatus:
    """A document's status after one change; `acl` is its writer's, where that is known."""
    change = parts[0]
    if before is None:
        before = _begun(change, acl)
    after = msgspec.structs.replace(
        before,
        outcome=change.status,
        partition=change.source.partition,
        offset=change.source.offset,
        index_time=change.index_time,
        changes_offset=changes_offset,
    )
    if change.status == "indexed":
        return _indexed(after, parts)
    if change.status == "deleted":
        return msgspec.structs.replace(
            after, state="deleted", passages=0, units=0, units_embedded=0
        )
    if change.status == "unchanged":
        return msgspec.structs.replace(
            after, updated_at=change.updated_at or after.updated_at, units_embedded=0
        )
    return after


def _begun(change: IndexChange, acl: list[str] | None) -> DocumentStatus:
    """Of a document that was never there nobody but its writer knows."""
    return DocumentStatus(
        outcome=change.status,
        partition=change.source.partition,
        offset=change.source.offset,
        index_time=change.index_time,
        changes_offset=0,
        state="absent",
        acl=acl or [],
    )


def _indexed(after: DocumentStatus, parts: Sequence[IndexChange]) -> DocumentStatus:
    change = parts[0]
    gained = sum(len(part.units_gained) for part in parts)
    return msgspec.structs.replace(
        after,
        state="indexed",
        acl=change.acl,
        title=change.title,
        uri=change.uri,
        content_type=change.content_type,
        updated_at=change.updated_at,
        passages=sum(len(part.layout) for part in parts),
        units=change.units_kept + gained,
        units_embedded=change.units_embedded,
    )


def _is_past(write: Write, partition: int, offset: int) -> bool:
    return write.partition == partition and write.offset <= offset


_encode = msgspec.msgpack.Encoder().encode
_status = msgspec.msgpack.Decoder(DocumentStatus).decode
_write = msgspec.msgpack.Decoder(Write).decode
_event = msgspec.json.Decoder(IndexEvent).decode
_progress = msgspec.json.Decoder(IndexProgress).decode
