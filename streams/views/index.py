"""The indexer's state: a fold of `index.changes`, kept in SQLite.

Records and the position they bring the fold to are written in one transaction, so after any
crash the view stands at some point of the log and goes on from there.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from processors.assemble import Assembler
from processors.clock import IndexClock
from processors.manifest import Manifest, fold
from schemas.index import IndexChange, IndexEvent

_SCHEMA = """
create table if not exists positions (
    partition integer primary key, next_offset integer not null,
    index_time integer not null, applied integer not null
) strict;
create table if not exists manifests (doc_id text primary key, manifest blob not null) strict;
create table if not exists vectors (embed_key blob primary key, vector blob not null)
    strict, without rowid;
create table if not exists seen (event_id blob primary key) strict, without rowid;
create table if not exists seeds (
    topic text not null, partition integer not null, next_offset integer not null,
    primary key (topic, partition)
) strict, without rowid;
"""

_HANDLED = frozenset({"indexed", "unchanged", "deleted", "conflated", "late"})
"""What makes a later event of the same id a duplicate. A rejected one may be mended and resent."""

_VARIABLES = 500
_RECENT = 64

_decode = msgspec.msgpack.Decoder(Manifest).decode
_encode = msgspec.msgpack.Encoder().encode
_Row = TypeVar("_Row")


class Place(NamedTuple):
    """How far the view has read one partition of `index.changes`."""

    next_offset: int = 0
    index_time: int = 0
    applied: int = -1


class IndexView:
    """Manifests, vectors and handled events. Implements `processors.indexer.IndexState`."""

    def __init__(self, path: Path, clock: IndexClock) -> None:
        """Open the view at `path`, or begin an empty one; `clock` learns the times it holds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # Plans are made in a thread, one at a time, so the connection never serves two at once.
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        # What a power cut takes from the view, the log still has.
        self._db.execute("pragma synchronous = off")
        self._db.executescript(_SCHEMA)
        self._clock = clock
        self._places = {
            row[0]: Place(*row[1:]) for row in self._db.execute("select * from positions")
        }
        self._assemblers: dict[int, Assembler] = {}
        self._recent: OrderedDict[str, Manifest] = OrderedDict()
        """Manifests lately read or written: one event's way through asks for the same one often."""
        for partition, place in self._places.items():
            clock.observe(partition, place.index_time)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def clear(self) -> None:
        """Begin anew from nothing."""
        with self._transaction():
            for table in ("positions", "manifests", "vectors", "seen", "seeds"):
                self._db.execute(f"delete from {table}")  # noqa: S608
        self._places.clear()
        self._assemblers.clear()
        self._recent.clear()

    def place(self, partition: int) -> Place:
        """How far one partition has been read; the next record to apply is `next_offset`."""
        return self._places.get(partition, Place())

    def applied(self, partition: int) -> int:
        """The last offset of `documents` that a change accounts for; -1 before the first."""
        return self.place(partition).applied

    def manifest(self, doc_id: str) -> Manifest | None:
        """What the index holds of a document."""
        if (recent := self._recent.get(doc_id)) is not None:
            return recent
        found = self._db.execute(
            "select manifest from manifests where doc_id = ?", (doc_id,)
        ).fetchone()
        return None if found is None else self._noted(doc_id, _decode(found[0]))

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of these embed keys have a vector already."""
        return set(self._select("select embed_key from vectors", keys, lambda row: row[0].hex()))

    def vectors(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The vectors that are known of these embed keys."""
        found = self._select(
            "select embed_key, vector from vectors", keys, lambda row: (row[0].hex(), row[1])
        )
        return dict(found)

    def seeded(self, topic: str) -> dict[int, int]:
        """How far another version's changes were read for their vectors, by partition."""
        rows = self._db.execute(
            "select partition, next_offset from seeds where topic = ?", (topic,)
        )
        return dict(rows.fetchall())

    def seed(self, topic: str, places: Mapping[int, int], vectors: Mapping[str, bytes]) -> None:
        """Take vectors by their embed keys, from another version's changes up to these places."""
        with self._transaction():
            self._keep(vectors.items())
            self._db.executemany(
                "insert or replace into seeds values (?, ?, ?)",
                [(topic, partition, offset) for partition, offset in places.items()],
            )

    def seen(self, event_id: str) -> bool:
        """Whether an event of this id was handled before."""
        found = self._db.execute(
            "select 1 from seen where event_id = ?", (bytes.fromhex(event_id),)
        )
        return found.fetchone() is not None

    def apply(self, records: Sequence[tuple[int, int, IndexEvent]]) -> None:
        """Fold records (partition, offset, event) in their order; all of them or none.

        After an error the view must be opened anew: it stands where it stood before.
        """
        moved: dict[int, Place] = {}
        with self._transaction():
            for partition, offset, event in records:
                if (step := self._assembler(partition).add(event)) is not None:
                    moved[partition] = Place(offset + 1, step.index_time, step.applied)
                    if step.parts:
                        self._remember(step.parts)
            self._db.executemany(
                "insert or replace into positions values (?, ?, ?, ?)",
                [(partition, *place) for partition, place in moved.items()],
            )
        self._places.update(moved)
        for partition, place in moved.items():
            self._clock.observe(partition, place.index_time)

    def _noted(self, doc_id: str, manifest: Manifest) -> Manifest:
        self._recent[doc_id] = manifest
        self._recent.move_to_end(doc_id)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return manifest

    def _assembler(self, partition: int) -> Assembler:
        if partition not in self._assemblers:
            place = self.place(partition)
            self._assemblers[partition] = Assembler(place.index_time, place.applied)
        return self._assemblers[partition]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _remember(self, parts: Sequence[IndexChange]) -> None:
        change = parts[0]
        before = self.manifest(change.doc_id)
        after = fold(before, parts)
        if after is not None and after is not before:
            self._db.execute(
                "insert or replace into manifests values (?, ?)", (change.doc_id, _encode(after))
            )
            self._noted(change.doc_id, after)
        self._keep((u.embed_key, u.vector) for part in parts for u in part.units_gained)
        if change.source.event_id is not None and change.status in _HANDLED:
            self._db.execute(
                "insert or ignore into seen values (?)", (bytes.fromhex(change.source.event_id),)
            )

    def _keep(self, vectors: Iterable[tuple[str, bytes]]) -> None:
        self._db.executemany(
            "insert or ignore into vectors values (?, ?)",
            [(bytes.fromhex(key), vector) for key, vector in vectors],
        )

    def _select(
        self, statement: str, keys: Iterable[str], read: Callable[[tuple[bytes, ...]], _Row]
    ) -> Iterator[_Row]:
        left = iter(keys)
        while some := [bytes.fromhex(key) for key in islice(left, _VARIABLES)]:
            marks = ",".join("?" * len(some))
            yield from map(
                read, self._db.execute(f"{statement} where embed_key in ({marks})", some)
            )
