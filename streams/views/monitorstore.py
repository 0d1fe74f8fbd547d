"""What the monitor remembers, in SQLite: a view of the log, which may be deleted and read anew.

Everything that a batch changes is written in one transaction with the places in the log that it
brings the view to, and with the events that are still to be sent. After a crash the view stands
behind some batch, whole, and goes on from there.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec import msgpack

from processors.feedback.cases import Case
from processors.monitor.monitor import Kept, Key

log = logging.getLogger(__name__)

VERSION = b"1"
"""Of what is in the tables: a view of another version is read anew from the log."""

_SCHEMA = """
create table if not exists meta (name text primary key, value blob not null) strict;
create table if not exists places (
    topic text not null, partition integer not null, next integer not null,
    again integer not null, primary key (topic, partition)
) strict;
create table if not exists streams (
    figure text not null, tenant text not null, route text not null,
    fixed blob not null, moving blob not null, primary key (figure, tenant, route)
) strict;
create table if not exists cases (query_id text primary key, until integer not null, body blob)
    strict;
create index if not exists cases_by_until on cases (until, query_id);
create table if not exists outbox (
    number integer primary key autoincrement, topic text not null, key text not null,
    id text not null, body blob not null
) strict;
"""
_TABLES = ("meta", "places", "streams", "cases", "outbox")


class Place(NamedTuple):
    """How far a partition is read, and from where it must be read again after a restart: open
    windows are kept nowhere else than in the log."""

    next: int
    again: int


class Outgoing(NamedTuple):
    """An event that is to be sent, once."""

    topic: str
    key: str
    id: str
    body: bytes


class MonitorStore:
    """Implements `processors.feedback.cases.Store`, inside a transaction."""

    def __init__(self, folder: Path) -> None:
        """Open the view in `folder`; waits while another monitor has it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        file = folder / "monitor.db"
        try:
            self._db = _opened(file)
        except _Damaged as error:
            log.warning("%s is damaged, and is read from the log anew: %s", file, error)
            for part in folder.glob("monitor.db*"):
                part.unlink()
            self._db = _opened(file)
        if self._meta("version") != VERSION:
            self.clear()

    def clear(self) -> None:
        """Begin anew from nothing: the log is read again."""
        with self.transaction():
            for table in _TABLES:
                self._db.execute(f"delete from {table}")  # noqa: S608
            self._put_meta("version", VERSION)

    def close(self) -> None:
        """Let go of the file, for the next monitor."""
        self._db.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside, or nothing."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def places(self) -> dict[tuple[str, int], Place]:
        """By topic and partition; nothing before the first batch."""
        rows = self._db.execute("select topic, partition, next, again from places")
        return {(topic, partition): Place(*rest) for topic, partition, *rest in rows}

    def put_places(self, places: Mapping[tuple[str, int], Place]) -> None:
        """Where the log is read to."""
        self._db.executemany(
            "insert or replace into places values (?, ?, ?, ?)",
            [(*at, *place) for at, place in places.items()],
        )

    def kept(self) -> Kept | None:
        """The monitor's state; None before the first batch."""
        value = self._meta("kept")
        return None if value is None else msgpack.decode(value, type=Kept)

    def put_kept(self, kept: Kept) -> None:
        """The monitor's state."""
        self._put_meta("kept", msgpack.encode(kept))

    def agreement(self) -> bytes | None:
        """How judge and people agree, as `Agreement` keeps it."""
        return self._meta("agreement")

    def put_agreement(self, state: bytes) -> None:
        """How judge and people agree."""
        self._put_meta("agreement", state)

    def evaluated(self) -> dict[int, int]:
        """Partition of `responses` to the last offset of which an evaluation was read."""
        value = self._meta("evaluated")
        return {} if value is None else msgpack.decode(value, type=dict[int, int])

    def put_evaluated(self, evaluated: Mapping[int, int]) -> None:
        """How far the responses are evaluated."""
        self._put_meta("evaluated", msgpack.encode(evaluated))

    def streams(self) -> dict[Key, tuple[bytes, bytes]]:
        """What each stream is made from again."""
        rows = self._db.execute("select figure, tenant, route, fixed, moving from streams")
        return {(figure, tenant, route): blobs for figure, tenant, route, *blobs in rows}

    def put_streams(self, changed: Iterable[tuple[Key, bytes | None, bytes]]) -> None:
        """Streams that changed; None for a reference that did not."""
        for key, fixed, moving in changed:
            if fixed is None:
                self._db.execute(
                    "update streams set moving = ? where figure = ? and tenant = ? and route = ?",
                    (moving, *key),
                )
            else:
                self._db.execute(
                    "insert or replace into streams values (?, ?, ?, ?, ?)", (*key, fixed, moving)
                )

    def get(self, query_id: str) -> Case | None:
        """A case of the join."""
        row = self._db.execute("select body from cases where query_id = ?", (query_id,)).fetchone()
        return None if row is None else _case(row[0])

    def put(self, case: Case) -> None:
        """Keep a case."""
        self._db.execute(
            "insert or replace into cases values (?, ?, ?)",
            (case.query_id, case.until, msgpack.encode(case)),
        )

    def expire(self, now: int) -> Sequence[Case]:
        """Remove and give what is due."""
        rows = self._db.execute(
            "select body from cases where until <= ? order by until, query_id", (now,)
        ).fetchall()
        self._db.execute("delete from cases where until <= ?", (now,))
        return [_case(body) for (body,) in rows]

    def post(self, events: Iterable[Outgoing]) -> None:
        """Add events that are to be sent."""
        self._db.executemany(
            "insert into outbox (topic, key, id, body) values (?, ?, ?, ?)", events
        )

    def outbox(self) -> list[tuple[int, Outgoing]]:
        """What is to be sent, in order, each with its number."""
        rows = self._db.execute("select number, topic, key, id, body from outbox order by number")
        return [(number, Outgoing(*rest)) for number, *rest in rows]

    def sent(self, upto: int) -> None:
        """These are in the log."""
        self._db.execute("delete from outbox where number <= ?", (upto,))

    def _meta(self, name: str) -> bytes | None:
        row = self._db.execute("select value from meta where name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def _put_meta(self, name: str, value: bytes) -> None:
        self._db.execute("insert or replace into meta values (?, ?)", (name, value))


class _Damaged(Exception):
    """No view, or no longer one."""


def _opened(file: Path) -> sqlite3.Connection:
    """The database, seen to be whole. Raises _Damaged."""
    # One call at a time, from whichever thread.
    db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    try:
        db.execute("pragma journal_mode = wal")
        # What a power cut takes from the view, or leaves of it, the log still has.
        db.execute("pragma synchronous = off")
        db.executescript(_SCHEMA)
        (verdict,) = db.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # in use, or no room: that passes
        db.close()
        raise
    except sqlite3.DatabaseError as error:
        db.close()
        raise _Damaged(str(error)) from error
    if verdict != "ok":
        db.close()
        raise _Damaged(verdict)
    return db


_case = msgpack.Decoder(Case).decode
