"""From changes to rows: which to insert and which to close, as a plain calculation.

The index holds two tables. `units` has a dense vector per unit; `texts` has a sparse vector per
passage, and a row per document for its layout. A row is visible at an index time T when
`valid_from <= T < valid_to`. It is closed in this order, so that no read misses it: insert its
closed copy, delete the open original, publish. Reads at a published time may meet both copies
of a row, and of nothing else too many.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct

from processors.index import OPEN, Access, DocumentRow, PassageRow
from processors.lexical import LexicalSpec, passage_vector
from schemas.common import Scalar
from schemas.index import IndexChange, PassageGained, RowRef

TableName = Literal["units", "texts"]
Vector = bytes | dict[int, float]
"""float32 little-endian, or dimension -> weight."""

PART_CHARACTERS = 15_000
"""Of a body in one row: at most 60 kB in UTF-8, under the 65,535 bytes a Milvus string may have."""

NOWHERE = {0: 1.0}
"""The sparse vector of a row that lexical search must not find: no term has dimension 0."""

EVERYONE = "*"
_UNIT, _PASSAGE, _DOCUMENT = "u", "p", "d"


class Record(Struct, frozen=True, kw_only=True):
    """One physical row."""

    key: str
    """Names what the row is of: kind and id, hashed, since an id may be any text."""
    id: str
    owner: str
    """The passage of a unit, the document of a passage."""
    valid_from: int
    valid_to: int
    part: int = 0
    parts: int = 1
    """A body too long for one row goes on in others."""
    acl: list[str]
    tags: list[str]
    body: str
    vector: Vector

    @property
    def pk(self) -> str:
        """The primary key: differs between a row and its closed copy, and in nothing else."""
        return self.open_pk if self.valid_to == OPEN else self.closed_pk

    @property
    def open_pk(self) -> str:
        """The primary key while the row is open."""
        return open_pk(self.key, self.valid_from, self.part)

    @property
    def closed_pk(self) -> str:
        """The primary key of the closed copy."""
        return f"{self.open_pk}!"

    @property
    def open_pks(self) -> list[str]:
        """The primary keys of every part while the row is open."""
        return [open_pk(self.key, self.valid_from, part) for part in range(self.parts)]

    def closed(self, valid_to: int) -> "Record":
        """The row's closed copy."""
        return msgspec.structs.replace(self, valid_to=valid_to)


class Closing(Struct, frozen=True, kw_only=True):
    """An order to close a row that an earlier batch opened."""

    key: str
    valid_from: int
    valid_to: int

    @property
    def open_pk(self) -> str:
        """The primary key of the first part."""
        return open_pk(self.key, self.valid_from, 0)

    @property
    def closed_pk(self) -> str:
        """The primary key of the first part's closed copy."""
        return f"{self.open_pk}!"


class TablePlan(Struct, frozen=True, kw_only=True):
    """What to do to one table: insert (the closed copies too), then delete the originals."""

    insert: list[Record]
    """New rows; those that were gained and lost within the batch are closed already."""
    close: list[Closing]


class RowPlan(Struct, frozen=True, kw_only=True):
    """What a batch of changes does to the index."""

    units: TablePlan
    texts: TablePlan


class Demand(Struct, frozen=True, kw_only=True):
    """What a row's `acl` and `tags` must hold, as hashes: nothing in it needs escaping."""

    acl: tuple[str, ...] | None
    """One of these; None asks nothing."""
    tags: tuple[tuple[str, ...], ...]
    """One of each group."""

    def allows(self, record: Record) -> bool:
        """Whether a row may be found."""
        tags = set(record.tags)
        listed = self.acl is None or not set(self.acl).isdisjoint(record.acl)
        return listed and all(not tags.isdisjoint(group) for group in self.tags)


def plan(changes: Sequence[IndexChange], lexical: LexicalSpec) -> RowPlan:
    """The rows that whole changes (every part of each) insert and close."""
    units: list[Record] = []
    texts: list[Record] = []
    close_units: list[Closing] = []
    close_texts: list[Closing] = []
    for parts in _whole(changes):
        for record in opened(parts, lexical):
            (units if record.key.startswith(_UNIT) else texts).append(record)
        close_units.extend(_closings(_UNIT, parts, [r for p in parts for r in p.units_lost]))
        close_texts.extend(_closings(_PASSAGE, parts, [r for p in parts for r in p.passages_lost]))
        close_texts.extend(_closings(_DOCUMENT, parts, _documents_lost(parts)))
    return RowPlan(units=_settled(units, close_units), texts=_settled(texts, close_texts))


def opened(parts: Sequence[IndexChange], lexical: LexicalSpec) -> Iterator[Record]:
    """Every row that one whole change opens."""
    if parts:
        yield from _units(parts)
        yield from _passages(parts, lexical)
        yield from _document(parts)


def demand(access: Access) -> Demand:
    """What `access` asks of a row."""
    groups = (
        tuple(_tag(key, value) for value in (wanted if isinstance(wanted, list) else [wanted]))
        for key, wanted in sorted(access.filters.items())
    )
    names = access.names
    acl = None if names is None else (EVERYONE, *sorted(map(_hashed, names)))
    return Demand(acl=acl, tags=tuple(groups))


def open_pk(key: str, valid_from: int, part: int) -> str:
    """The primary key of one part of an open row."""
    return f"{key}@{valid_from}.{part}"


def unit_key(unit_id: str) -> str:
    """Names a unit's rows."""
    return _UNIT + _hashed(unit_id)


def passage_key(passage_id: str) -> str:
    """Names a passage's rows."""
    return _PASSAGE + _hashed(passage_id)


def document_key(doc_id: str) -> str:
    """Names a document's rows."""
    return _DOCUMENT + _hashed(doc_id)


def passage_row(records: Iterable[Record]) -> PassageRow:
    """The passage that the parts of one row hold."""
    first, body = _joined(records)
    read = _read_passage(body)
    return PassageRow(
        passage_id=first.id,
        valid_from=first.valid_from,
        doc_id=first.owner,
        title=read.title,
        heading=read.heading,
        text=read.text,
        units=read.units,
    )


def document_row(records: Iterable[Record]) -> DocumentRow:
    """The document that the parts of one row hold."""
    first, body = _joined(records)
    read = _read_document(body)
    return DocumentRow(
        doc_id=first.id,
        valid_from=first.valid_from,
        title=read.title,
        uri=read.uri,
        content_type=read.content_type,
        partition=read.partition,
        offset=read.offset,
        layout={passage_id: (start, end) for passage_id, start, end in read.layout},
    )


class _PassageBody(Struct, frozen=True, array_like=True):
    title: str
    heading: list[str]
    text: str
    units: list[tuple[str, int, int]]


class _DocumentBody(Struct, frozen=True, array_like=True):
    title: str
    uri: str | None
    content_type: str | None
    partition: int
    offset: int
    layout: list[tuple[str, int, int]]


_read_passage = msgspec.json.Decoder(_PassageBody).decode
_read_document = msgspec.json.Decoder(_DocumentBody).decode


def _whole(changes: Sequence[IndexChange]) -> Iterator[list[IndexChange]]:
    """The parts of each change, together."""
    for _, parts in groupby(changes, key=lambda change: (change.doc_id, change.index_time)):
        yield list(parts)


def _units(parts: Sequence[IndexChange]) -> Iterator[Record]:
    acl, tags = _found_by(parts[0])
    for unit in (unit for part in parts for unit in part.units_gained):
        yield Record(
            key=unit_key(unit.unit_id),
            id=unit.unit_id,
            owner=unit.passage_id,
            valid_from=parts[0].index_time,
            valid_to=OPEN,
            acl=acl,
            tags=tags,
            body=unit.embed_key,
            vector=unit.vector,
        )


def _passages(parts: Sequence[IndexChange], lexical: LexicalSpec) -> Iterator[Record]:
    head = parts[0]
    acl, tags = _found_by(head)
    for passage in (passage for part in parts for passage in part.passages_gained):
        body = _PassageBody(head.title, passage.heading, passage.text, passage.units)
        whole = Record(
            key=passage_key(passage.passage_id),
            id=passage.passage_id,
            owner=head.doc_id,
            valid_from=head.index_time,
            valid_to=OPEN,
            acl=acl,
            tags=tags,
            body=msgspec.json.encode(body).decode(),
            vector=_weights(passage, lexical),
        )
        yield from _cut(whole)


def _document(parts: Sequence[IndexChange]) -> Iterator[Record]:
    head = parts[0]
    if head.status != "indexed":
        return
    body = _DocumentBody(
        head.title,
        head.uri,
        head.content_type,
        head.source.partition,
        head.source.offset,
        [(span.passage_id, span.start, span.end) for part in parts for span in part.layout],
    )
    acl, tags = _found_by(head)
    whole = Record(
        key=document_key(head.doc_id),
        id=head.doc_id,
        owner=head.doc_id,
        valid_from=head.index_time,
        valid_to=OPEN,
        acl=acl,
        tags=tags,
        body=msgspec.json.encode(body).decode(),
        vector=NOWHERE,
    )
    yield from _cut(whole)


def _weights(passage: PassageGained, lexical: LexicalSpec) -> dict[int, float]:
    """As float32, which is what the index keeps."""
    weights = passage_vector(passage.terms, lexical)
    return {dim: float(np.float32(weight)) for dim, weight in weights.items()} or NOWHERE


def _cut(whole: Record) -> Iterator[Record]:
    """Rows of bounded length; only the first can be found by its vector."""
    starts = range(0, len(whole.body), PART_CHARACTERS)
    for part, start in enumerate(starts):
        yield msgspec.structs.replace(
            whole,
            part=part,
            parts=len(starts),
            body=whole.body[start : start + PART_CHARACTERS],
            vector=whole.vector if part == 0 else NOWHERE,
        )


def _joined(records: Iterable[Record]) -> tuple[Record, str]:
    parts = {record.part: record for record in records}
    return parts[0], "".join(parts[part].body for part in range(len(parts)))


def _closings(kind: str, parts: Sequence[IndexChange], lost: Iterable[RowRef]) -> Iterator[Closing]:
    for row in lost:
        yield Closing(
            key=kind + _hashed(row.id), valid_from=row.valid_from, valid_to=parts[0].index_time
        )


def _documents_lost(parts: Sequence[IndexChange]) -> Iterator[RowRef]:
    for part in parts:
        if part.document_lost is not None:
            yield RowRef(part.doc_id, part.document_lost)
            return


def _settled(gained: Sequence[Record], closings: Sequence[Closing]) -> TablePlan:
    """Close at once what the same batch gains and loses."""
    ends = {(closing.key, closing.valid_from): closing.valid_to for closing in closings}
    here = {(record.key, record.valid_from) for record in gained}
    return TablePlan(
        insert=[
            record.closed(ends.get((record.key, record.valid_from), OPEN)) for record in gained
        ],
        close=[c for c in closings if (c.key, c.valid_from) not in here],
    )


def _found_by(change: IndexChange) -> tuple[list[str], list[str]]:
    everyone = change.acl is None
    acl = [EVERYONE] if everyone else sorted({_hashed(name) for name in change.acl or ()})
    metadata: Mapping[str, Scalar] = change.metadata or {}
    return acl, sorted(_tag(key, value) for key, value in metadata.items())


def _tag(key: str, value: Scalar) -> str:
    """Names a key with a value. 1 and 1.0 are one value; 1, true and "1" are three."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _hashed(msgspec.json.encode([key, value]).decode())


def _hashed(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
