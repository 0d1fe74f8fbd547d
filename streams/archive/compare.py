"""The log beside the archive, record by record: what is missing, doubled or different."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

SHOWN = 20


class Seen(NamedTuple):
    """One record: where it is, and a checksum of its key and value."""

    partition: int
    offset: int
    checksum: int

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.partition, self.offset


class Counts(Struct, kw_only=True):
    """What was found in one topic."""

    topic: str
    log: int = 0
    """Records that the log holds, as far as the archive has read it."""
    archived: int = 0
    missing: int = 0
    doubled: int = 0
    different: int = 0
    faults: list[str] = []
    """The first of them."""

    @property
    def total(self) -> int:
        """All faults."""
        return self.missing + self.doubled + self.different


class Comparison:
    """Merges two streams that are in order of partition and offset, and keeps one row of each.

    The archive may hold records that the log no longer has: retention and compaction take them.
    """

    def __init__(self, topic: str, archived: Iterator[Seen]) -> None:
        self.counts = Counts(topic=topic)
        self._archived = archived
        self._next = next(archived, None)
        self._before: tuple[int, int] | None = None

    def logged(self, record: Seen) -> None:
        """The log's next record."""
        self.counts.log += 1
        while self._next is not None and self._next.place < record.place:
            self._take()
        found = self._next
        if found is None or found.place != record.place:
            self.counts.missing += 1
            self._tell(record.place, "missing")
            return
        self._take()
        if found.checksum != record.checksum:
            self.counts.different += 1
            self._tell(record.place, "different")

    def end(self) -> Counts:
        """After the log's last record."""
        while self._next is not None:
            self._take()
        return self.counts

    def _take(self) -> None:
        row = self._next
        if row is None:
            return
        self.counts.archived += 1
        if row.place == self._before:
            self.counts.doubled += 1
            self._tell(row.place, "doubled")
        self._before, self._next = row.place, next(self._archived, None)

    def _tell(self, place: tuple[int, int], what: str) -> None:
        if len(self.counts.faults) < SHOWN:
            self.counts.faults.append(f"{self.counts.topic}/{place[0]}@{place[1]} {what}")
