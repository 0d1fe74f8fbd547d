"""The index in memory: exact, by brute force, for tests that need no Milvus."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np

from processors.lexical import LexicalSpec
from processors.rows import Demand, Record
from streams.clients.errors import IndexUnavailable
from streams.index.rowindex import RowIndex
from streams.index.table import Hit, Query, Table


class MemoryTable:
    """A `Table` in a dictionary. Like Milvus it would keep two rows of one primary key apart."""

    def __init__(self) -> None:
        self._rows: dict[str, Record] = {}

    async def ensure(self) -> None:
        """A dictionary is always there."""

    async def insert(self, records: Sequence[Record]) -> None:
        """Add rows. Raises KeyError for a primary key that is there: Milvus would double it."""
        for record in records:
            if record.pk in self._rows:
                raise KeyError(record.pk)
            self._rows[record.pk] = record

    async def delete(self, pks: Sequence[str]) -> None:
        """Delete rows by primary key."""
        for pk in pks:
            self._rows.pop(pk, None)

    async def fetch(self, pks: Sequence[str]) -> list[Record]:
        """The rows of these primary keys that are there."""
        return [self._rows[pk] for pk in pks if pk in self._rows]

    async def present(self, pks: Sequence[str]) -> set[str]:
        """Which of these primary keys are there."""
        return self._rows.keys() & set(pks)

    async def search(self, query: Query, at: int, demand: Demand, limit: int) -> list[Hit]:
        """The best visible rows by inner product."""
        seen = [row for row in self._rows.values() if _visible(row, at, demand)]
        scored = zip(seen, _scores(seen, query), strict=True)
        hits = (Hit(-score, row.id, row.owner) for row, score in scored if score is not None)
        return sorted(hits)[:limit]

    async def visible(self, keys: Sequence[str], at: int, demand: Demand) -> list[Record]:
        """The rows of these keys that are visible at a time."""
        wanted = set(keys)
        rows = self._rows.values()
        return [row for row in rows if row.key in wanted and _visible(row, at, demand)]

    async def rows(self) -> AsyncIterator[Record]:
        """Every row there is."""
        for row in list(self._rows.values()):
            yield row

    async def collect(self, before: int) -> int:
        """Delete the rows closed at or before a time."""
        gone = [pk for pk, row in self._rows.items() if row.valid_to <= before]
        await self.delete(gone)
        return len(gone)

    async def count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    async def drop(self) -> None:
        """Delete every row."""
        self._rows.clear()


class MemoryIndex(RowIndex):
    """The ports `IndexReader` and `IndexWriter`, in memory."""

    def __init__(self, lexical: LexicalSpec | None = None) -> None:
        super().__init__(MemoryTable(), MemoryTable(), lexical or LexicalSpec())


def _visible(row: Record, at: int, demand: Demand) -> bool:
    return row.valid_from <= at < row.valid_to and demand.allows(row)


def _scores(rows: Sequence[Record], query: Query) -> list[float | None]:
    """Inner products as float32; None where a sparse row shares no dimension with the query."""
    if isinstance(query, Mapping):
        return [_sparse(row, query) for row in rows]
    vectors = [np.frombuffer(row.vector, "<f4") for row in rows if isinstance(row.vector, bytes)]
    return [float(np.float32(vector.astype(np.float64) @ query)) for vector in vectors]


def _sparse(row: Record, query: Mapping[int, float]) -> float | None:
    if isinstance(row.vector, bytes):
        return None
    shared = sorted(row.vector.keys() & query.keys())
    products = (row.vector[dim] * float(np.float32(query[dim])) for dim in shared)
    return float(np.float32(sum(products))) if shared else None


class DyingTable:
    """Another table of which one write fails, the `dies_at`-th from 0: before it or half done."""

    def __init__(self, table: Table, dies_at: int, *, halfway: bool) -> None:
        self._table = table
        self._left = dies_at
        self._halfway = halfway

    async def insert(self, records: Sequence[Record]) -> None:
        """Add rows, or die when none or half of them are there."""
        dies = self._dies()
        if not dies:
            await self._table.insert(records)
        elif self._halfway:
            await self._table.insert(records[: (len(records) + 1) // 2])
        self._end(dies)

    async def delete(self, pks: Sequence[str]) -> None:
        """Delete rows, or die when none or half of them are gone."""
        dies = self._dies()
        if not dies:
            await self._table.delete(pks)
        elif self._halfway:
            await self._table.delete(pks[: (len(pks) + 1) // 2])
        self._end(dies)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the table's."""
        return getattr(self._table, name)

    def _dies(self) -> bool:
        self._left -= 1
        return self._left == -1

    def _end(self, dies: bool) -> None:
        if dies:
            raise IndexUnavailable("the connection broke")
