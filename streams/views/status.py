"""What became of each document: a fold of `index.changes` and `index.progress`, kept in SQLite.

Beside it stand the writes made here that no change accounts for yet. Records and the position
they bring the fold to are written in one transaction, so it goes on where it stood.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from processors.assemble import Assembled, Assembler
from processors.readtime import Progress
from schemas.index import IndexChange, IndexEvent, IndexProgress
from schemas.topics import changes_topic, progress_topic
from streams.clients.kafka import Record
from streams.views.belongings import Belongings
from streams.views.documentstatus import DocumentStatus, Write, folded

_SCHEMA = """
create table if not exists positions (
    topic text not null, partition integer not null, next_offset integer not null,
    index_time integer not null, applied integer not null, primary key (topic, partition)
) strict;
create table if not exists documents (doc_id text primary key, status blob not null) strict;
create table if not exists writes (doc_id text primary key, write blob not null) strict;
create table if not exists progress (partition integer primary key, value blob not null) strict;
"""


_LAYOUT = 1
"""Of the tables: what was written by another make is read from the log again."""


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
        self.belongings = Belongings(self._db)
        self._version = index_version
        self.topics = changes_topic(index_version), progress_topic(index_version)
        self._partitions = partitions
        self._load()
        if self._db.execute("pragma user_version").fetchone()[0] != _LAYOUT:
            self._clear()

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
            with self._transaction():
                self._db.execute(
                    "insert or replace into writes values (?, ?)", (doc_id, _encode(write))
                )
                self._settle(doc_id)

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
        self._settle(change.doc_id)

    def _settle(self, doc_id: str) -> None:
        """Say whose a document is: those who have it, and those who are about to."""
        write, status = self.write(doc_id), self.get(doc_id)
        owners: set[str] = set()
        if write is not None and not write.is_deletion:
            owners.update(write.acl or ())
        if status is not None and status.state == "indexed":
            owners.update(status.acl or ())
        self.belongings.put(doc_id, owners)

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
            for table in ("positions", "documents", "writes", "progress", "belongings"):
                self._db.execute(f"delete from {table}")  # noqa: S608
            self._db.execute(f"pragma user_version = {_LAYOUT}")
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


def _is_past(write: Write, partition: int, offset: int) -> bool:
    return write.partition == partition and write.offset <= offset


_encode = msgspec.msgpack.Encoder().encode
_status = msgspec.msgpack.Decoder(DocumentStatus).decode
_write = msgspec.msgpack.Decoder(Write).decode
_event = msgspec.json.Decoder(IndexEvent).decode
_progress = msgspec.json.Decoder(IndexProgress).decode
