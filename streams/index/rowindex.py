"""The ports `IndexReader` and `IndexWriter` over two tables."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from processors.index import OPEN, Access, DocumentRow, PassageRow
from processors.lexical import LexicalSpec
from processors.retrieve import PassageHit, UnitHit
from processors.rows import (
    Closing,
    Record,
    TableName,
    TablePlan,
    demand,
    document_key,
    document_row,
    passage_key,
    passage_row,
    plan,
)
from schemas.index import IndexChange
from streams.clients.errors import IndexFault
from streams.index.table import Hit, Query, Table

log = logging.getLogger(__name__)

MOST_HITS = 16_384
"""The longest list that Milvus gives."""

_SPARE = 8
"""Hits asked for beyond the limit: room for the second copies of rows that are being closed."""


class RowIndex:
    """The index. Reads of different kinds may run at once; one writer writes."""

    def __init__(self, units: Table, texts: Table, lexical: LexicalSpec) -> None:
        self.units = units
        self.texts = texts
        self._lexical = lexical

    async def ensure(self) -> None:
        """Make what is missing of the two tables."""
        with first_fault():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.units.ensure())
                tasks.create_task(self.texts.ensure())

    async def apply(self, changes: Sequence[IndexChange], *, check: bool) -> None:
        """Bring the rows to where whole changes put them; see `IndexWriter.apply`."""
        rows = plan(changes, self._lexical)
        with first_fault():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_apply(self.units, rows.units, check))
                tasks.create_task(_apply(self.texts, rows.texts, check))

    async def collect(self, before: int) -> int:
        """Delete rows closed at or before a time; returns how many."""
        return await self.units.collect(before) + await self.texts.collect(before)

    async def count(self) -> int:
        """How many rows there are, readable or not."""
        return await self.units.count() + await self.texts.count()

    async def drop(self) -> None:
        """Delete both tables, as far as they are there."""
        await self.units.drop()
        await self.texts.drop()

    async def search_units(
        self, vector: NDArray[np.float32], at: int, access: Access, limit: int
    ) -> list[UnitHit]:
        """The units nearest to a vector, as they were at `at`."""
        hits = await _search(self.units, vector, at, access, limit)
        return [UnitHit(hit.id, hit.owner, -hit.negative_score) for hit in hits]

    async def search_passages(
        self, weights: Mapping[int, float], at: int, access: Access, limit: int
    ) -> list[PassageHit]:
        """The passages that the weighted terms find, as they were at `at`."""
        if not weights:
            return []
        hits = await _search(self.texts, weights, at, access, limit)
        return [PassageHit(hit.id, -hit.negative_score) for hit in hits]

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        """Passages by id, as they were at `at`."""
        keys = [passage_key(passage_id) for passage_id in ids]
        found = await self.texts.visible(keys, at, demand(access))
        rows = (passage_row(records) for records in _rows(found))
        return {row.passage_id: row for row in rows}

    async def documents(self, doc_ids: Sequence[str], at: int) -> dict[str, DocumentRow]:
        """Documents by id, as they were at `at`."""
        keys = [document_key(doc_id) for doc_id in doc_ids]
        found = await self.texts.visible(keys, at, demand(Access()))
        rows = (document_row(records) for records in _rows(found))
        return {row.doc_id: row for row in rows}

    def rows(self, table: TableName) -> AsyncIterator[Record]:
        """Every physical row of a table. Rows written meanwhile may be there, or not."""
        return (self.units if table == "units" else self.texts).rows()


async def _apply(table: Table, rows: TablePlan, check: bool) -> None:
    """Insert the new rows and the closed copies, then delete the originals of the copies."""
    originals = await _originals(table, rows.close)
    ends = {(closing.key, closing.valid_from): closing.valid_to for closing in rows.close}
    copies = [record.closed(ends[record.key, record.valid_from]) for record in originals]
    insert, delete = [*rows.insert, *copies], [record.open_pk for record in originals]
    found = set(delete)
    missing = [closing for closing in rows.close if closing.open_pk not in found]
    if check or missing:
        insert, left = await _repaired(table, insert, missing)
        delete.extend(left)
    if insert:
        await table.insert(insert)
    if delete:
        await table.delete(delete)


async def _originals(table: Table, closings: Sequence[Closing]) -> list[Record]:
    """Every part of the open rows to close."""
    if not closings:
        return []
    first = await table.fetch([closing.open_pk for closing in closings])
    if more := [pk for record in first for pk in record.open_pks[1:]]:
        return [*first, *await table.fetch(more)]
    return first


async def _repaired(
    table: Table, insert: Sequence[Record], missing: Sequence[Closing]
) -> tuple[list[Record], list[str]]:
    """What an attempt that died left to insert, and the originals that it left to delete.

    Whatever it got to, no original was deleted before all closed copies were there.
    """
    there = await table.present(
        [pk for record in insert for pk in (record.open_pk, record.closed_pk)]
    )
    closed = await table.fetch([closing.closed_pk for closing in missing]) if missing else []
    _report(missing, closed)
    born_closed = [record for record in insert if record.valid_to != OPEN]
    return (
        [r for r in insert if r.pk not in there and r.closed_pk not in there],
        [
            *(record.open_pk for record in born_closed if record.open_pk in there),
            *(pk for record in closed for pk in record.open_pks),
        ],
    )


def _report(missing: Sequence[Closing], closed: Sequence[Record]) -> None:
    """A row may be closed already. One that was never there is for `freshet verify` to tell."""
    known = {record.closed_pk for record in closed}
    if lost := [closing for closing in missing if closing.closed_pk not in known]:
        log.error("%d rows to close are not in the index, the first is %s", len(lost), lost[0])


async def _search(table: Table, query: Query, at: int, access: Access, limit: int) -> list[Hit]:
    """The best `limit` rows, each once.

    Asks again for more while copies took the place of other rows, or while rows of the same
    score as the last may have been cut off: which of them are given must not be left to chance.
    """
    wanted = demand(access)
    ask = min(limit + _SPARE, MOST_HITS)
    while True:
        hits = await table.search(query, at, wanted, ask)
        best = sorted({hit.id: hit for hit in hits}.values())
        full = len(hits) >= ask and ask < MOST_HITS
        if not full or (len(best) > limit and best[limit - 1] < _worst(best[-1])):
            return best[:limit]
        ask = min(ask * 4, MOST_HITS)


def _worst(last: Hit) -> Hit:
    """The first place that a hit of the same score as `last` could take."""
    return Hit(last.negative_score, "", "")


def _rows(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Records by row. The two copies of a part are the same but for `valid_to`."""
    rows: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        rows[record.key].append(record)
    yield from rows.values()


@contextmanager
def first_fault() -> Iterator[None]:
    """Let a group of failed calls appear as the first of them."""
    try:
        yield
    except* IndexFault as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
