"""The index in memory, at every index time at once: what replay searches.

A fold of whole `index.changes`, by the same plan of rows that Milvus is written by
(`processors.rows`), so that it holds what Milvus held at any time, closed rows included. It ranks
as the exact index does: float32 inner products, ties by id, and of rows of one score at the end of
a list the first by id.

Memory: 4 bytes a dimension for each distinct vector, the text of each version of a passage once,
8 bytes a term of it, and some 250 bytes a row.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from processors.index import Access, DocumentRow, PassageRow
from processors.lexical import LexicalSpec
from processors.replay.postings import Postings
from processors.replay.rows import Rows
from processors.replay.vectors import Vectors
from processors.retrieve import PassageHit, UnitHit
from processors.rows import (
    Closing,
    Demand,
    Record,
    TablePlan,
    demand,
    document_key,
    document_row,
    passage_key,
    passage_row,
    plan,
)
from schemas.index import IndexChange

_AT_ONCE = 16 * 1024 * 1024
"""Products that are in memory at once: 64 MB."""
_READ = 4096
"""Passages and documents that stay decoded."""

Floats = NDArray[np.float32]


class Asked(Struct, frozen=True):
    """A search for units: a vector float32 [dimensions], when, and who asks."""

    vector: Floats
    at: int
    access: Access


class ReplayIndex:
    """The port `IndexReader`, over what it was given to observe. One thread at a time."""

    def __init__(self, lexical: LexicalSpec, dimensions: int) -> None:
        self._lexical = lexical
        self._units = _Units(dimensions)
        self._texts = _Texts()

    @property
    def nbytes(self) -> int:
        """What the vectors take: most of all that grows with the index."""
        return self._units.vectors.nbytes

    def observe(self, parts: Sequence[IndexChange]) -> None:
        """Take one whole change, exactly once; those of a partition in the order of the log."""
        rows = plan(parts, self._lexical)
        self._units.apply(rows.units)
        self._texts.apply(rows.texts)

    def find_units(self, asked: Sequence[Asked], limit: int) -> list[list[UnitHit]]:
        """As `search_units`, for many: in matrix products, whatever time each asks for."""
        return self._units.search(asked, limit)

    def find_passages(
        self, weights: Mapping[int, float], at: int, access: Access, limit: int
    ) -> list[PassageHit]:
        """As `search_passages`."""
        return self._texts.search(weights, at, access, limit)

    async def search_units(
        self, vector: Floats, at: int, access: Access, limit: int
    ) -> list[UnitHit]:
        """The `limit` units nearest to a vector float32 [dimensions], best first, ties by id."""
        return self.find_units([Asked(vector, at, access)], limit)[0]

    async def search_passages(
        self, weights: Mapping[int, float], at: int, access: Access, limit: int
    ) -> list[PassageHit]:
        """The `limit` passages of the largest inner product above 0, best first, ties by id."""
        return self.find_passages(weights, at, access, limit)

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        """Passages by id; those that are not there, or not for this reader, are left out."""
        return self._texts.passages(ids, at, access)

    async def documents(self, doc_ids: Sequence[str], at: int) -> dict[str, DocumentRow]:
        """Documents by id; those that are not there are left out."""
        return self._texts.documents(doc_ids, at)


class _Open:
    """The rows that nothing has closed yet, by what they are of and since when."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], int] = {}

    def add(self, record: Record, row: int) -> None:
        self._rows[record.key, record.valid_from] = row

    def close(self, closings: Iterable[Closing], rows: Rows) -> None:
        for closing in closings:
            row = self._rows.pop((closing.key, closing.valid_from), None)
            if row is not None:  # else it never was there, which `freshet verify` tells
                rows.close(row, closing.valid_to)


class _Units:
    """The table of units."""

    def __init__(self, dimensions: int) -> None:
        self.vectors = Vectors(dimensions)
        self._rows = Rows()
        self._open = _Open()
        self._slots = np.empty(0, np.int32)
        self._ids: list[str] = []
        self._passages: list[str] = []

    def apply(self, planned: TablePlan) -> None:
        for record in planned.insert:
            assert isinstance(record.vector, bytes)
            row = self._rows.add(record)
            if row == len(self._slots):
                self._slots.resize(max(1024, 2 * row), refcheck=False)
            self._slots[row] = self.vectors.slot(record.vector)
            self._ids.append(record.id)
            self._passages.append(record.owner)
            self._open.add(record, row)
        self._open.close(planned.close, self._rows)

    def search(self, asked: Sequence[Asked], limit: int) -> list[list[UnitHit]]:
        found: list[list[UnitHit]] = []
        together = max(1, _AT_ONCE // max(len(self.vectors), 1))
        for start in range(0, len(asked), together):
            some = asked[start : start + together]
            products = self.vectors.products(np.stack([one.vector for one in some]))
            found += [
                self._best(one, near, limit) for one, near in zip(some, products, strict=True)
            ]
        return found

    def _best(self, asked: Asked, near: Floats, limit: int) -> list[UnitHit]:
        """The best rows, where `near` is about the score of each slot."""
        rows = self._rows.seen(asked.at, demand(asked.access))
        likely = candidates(near[self._slots[rows]], limit, self.vectors.margin(asked.vector))
        rows = rows[likely]
        scores = self.vectors.scores(self._slots[rows], asked.vector)
        return [
            UnitHit(name, self._passages[row], -negative)
            for negative, name, row in _ranked(scores, rows, self._ids, limit)
        ]


class _Texts:
    """The table of passages and documents."""

    def __init__(self) -> None:
        self._rows = Rows()
        self._open = _Open()
        self._postings = Postings()
        self._ids: list[str] = []
        self._bodies: list[list[Record]] = []
        self._by_key: dict[str, list[int]] = {}
        self._passage = lru_cache(_READ)(lambda row: passage_row(self._bodies[row]))
        self._document = lru_cache(_READ)(lambda row: document_row(self._bodies[row]))

    def apply(self, planned: TablePlan) -> None:
        for record in planned.insert:
            if record.part:  # of a body that the first row could not hold
                self._bodies[-1].append(_slim(record))
                continue
            assert not isinstance(record.vector, bytes)
            row = self._rows.add(record)
            self._postings.add(row, record.vector)
            self._ids.append(record.id)
            self._bodies.append([_slim(record)])
            self._by_key.setdefault(record.key, []).append(row)
            self._open.add(record, row)
        self._open.close(planned.close, self._rows)

    def search(
        self, weights: Mapping[int, float], at: int, access: Access, limit: int
    ) -> list[PassageHit]:
        rows = self._rows.seen(at, demand(access))
        scores = self._postings.scores(weights, len(self._rows))[rows]
        rows, scores = rows[scores > 0], scores[scores > 0]
        likely = candidates(scores, limit, 0.0)
        best = _ranked(scores[likely], rows[likely], self._ids, limit)
        return [PassageHit(name, -negative) for negative, name, _ in best]

    def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        wanted = demand(access)
        found = ((one, self._at(passage_key(one), at, wanted)) for one in ids)
        return {one: self._passage(row) for one, row in found if row is not None}

    def documents(self, doc_ids: Sequence[str], at: int) -> dict[str, DocumentRow]:
        found = ((one, self._at(document_key(one), at, _ANYBODY)) for one in doc_ids)
        return {one: self._document(row) for one, row in found if row is not None}

    def _at(self, key: str, at: int, wanted: Demand) -> int | None:
        rows = reversed(self._by_key.get(key, ()))
        return next((row for row in rows if self._rows.sees(row, at, wanted)), None)


def candidates(scores: Floats, limit: int, margin: float) -> NDArray[np.intp]:
    """Where the best `limit` stand, and all that are less than `margin` behind the last of them."""
    if len(scores) <= limit:
        return np.arange(len(scores))
    last = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    return np.flatnonzero(scores >= last - margin)


def _ranked(
    scores: Floats, rows: NDArray[np.intp], ids: Sequence[str], limit: int
) -> list[tuple[float, str, int]]:
    """The best, as negative scores with ids and rows; ties by id."""
    of = rows.tolist()
    names = (ids[row] for row in of)
    return sorted(zip((-scores).tolist(), names, of, strict=True))[:limit]


def _slim(record: Record) -> Record:
    """What is read of a row: its vector is kept elsewhere."""
    return msgspec.structs.replace(record, vector=b"", acl=_NOBODY, tags=_NOBODY)


_NOBODY: list[str] = []
_ANYBODY = demand(Access())
