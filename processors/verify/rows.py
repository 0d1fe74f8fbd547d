"""The rows that the changes say the index holds, beside those that it does hold.

What a row holds is worked out as the writer does it; whether it is open, closed or gone is
followed here on its own, one change after the other, without batches.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from processors.assemble import Assembled
from processors.index import OPEN
from processors.lexical import LexicalSpec
from processors.manifest import digest
from processors.rows import Record, document_key, opened, passage_key, unit_key
from processors.verify.report import Fault
from schemas.index import IndexChange


class RowKey(NamedTuple):
    """What no two rows may share, but for a row and its closed copy."""

    key: str
    valid_from: int
    part: int


class Row(msgspec.Struct, frozen=True):
    """A row as the index has it, or as it should; `content` names all else that it holds."""

    id: str
    key: RowKey
    valid_to: int
    content: str

    @classmethod
    def of(cls, record: Record) -> "Row":
        """The row of a record."""
        return cls(
            record.id,
            RowKey(record.key, record.valid_from, record.part),
            record.valid_to,
            digest(
                record.id, record.owner, record.body, _vector(record), *record.acl, *record.tags
            ),
        )

    def __str__(self) -> str:
        return f"{self.key.key[:1]}:{self.id}@{self.key.valid_from}"


class ExpectedRows:
    """A fold of `index.changes` into the rows that the index must hold."""

    def __init__(self, lexical: LexicalSpec) -> None:
        self._lexical = lexical
        self._parts: Counter[tuple[str, int]] = Counter()
        self.rows: dict[RowKey, Row] = {}
        self.faults: list[Fault] = []

    def add(self, step: Assembled) -> None:
        """Take the next step of one partition."""
        for key, valid_from in _lost(step.parts):
            self._close(key, valid_from, step.index_time)
        for record in opened(step.parts, self._lexical):
            row = Row.of(record)
            self.rows[row.key] = row
            self._parts[row.key.key, row.key.valid_from] += 1

    def _close(self, key: str, valid_from: int, index_time: int) -> None:
        parts = self._parts[key, valid_from]
        if parts == 0:
            self.faults.append(Fault("different", f"{key}@{valid_from}", "closed, never opened"))
        for part in range(parts):
            row = self.rows[RowKey(key, valid_from, part)]
            if row.valid_to != OPEN:
                self.faults.append(Fault("different", str(row), "closed twice"))
            self.rows[row.key] = msgspec.structs.replace(row, valid_to=index_time)


def compare_rows(
    expected: Mapping[RowKey, Row], found: Iterable[Row], *, at: int, horizon: int
) -> Iterator[Fault]:
    """Faults of the rows that are `found`, as far as a read at an index time can tell.

    What is later than `at` may be under way and does not count; rows closed before `horizon`
    may have been dropped.
    """
    held: defaultdict[RowKey, list[Row]] = defaultdict(list)
    for row in found:
        if row.key.valid_from <= at and row.valid_to >= horizon:
            held[row.key].append(row)
    for key, rows in held.items():
        wanted = expected.get(key)
        if wanted is None:
            yield Fault("left_over", str(rows[0]), "the log knows no such row")
        elif wanted.valid_to >= horizon:
            yield from _compare(wanted, rows, at)
        elif any(row.valid_to == OPEN for row in rows):
            yield Fault("left_over", str(wanted), "its open copy was not removed")
    for key, row in expected.items():
        if key not in held and row.key.valid_from <= at and row.valid_to >= horizon:
            yield Fault("missing", str(row))


def _compare(wanted: Row, rows: Sequence[Row], at: int) -> Iterator[Fault]:
    copies = Counter(row.valid_to for row in rows)
    # A row that is being closed later than `at` has its open and its closed copy for a moment.
    settled = {_settled(valid_to, at) for valid_to in copies}
    if any(count > 1 for count in copies.values()) or len(copies) > 2:
        yield Fault("doubled", str(wanted), f"{len(rows)} copies")
    elif len(settled) > 1:
        yield Fault("left_over", str(wanted), "its open copy was not removed")
    elif settled != {_settled(wanted.valid_to, at)}:
        yield Fault("different", str(wanted), "it ends at another index time")
    if any(row.content != wanted.content for row in rows):
        yield Fault("different", str(wanted), "its content differs")


def _settled(valid_to: int, at: int) -> int:
    return OPEN if valid_to > at else valid_to


def _lost(parts: Sequence[IndexChange]) -> Iterator[tuple[str, int]]:
    for part in parts:
        yield from ((unit_key(ref.id), ref.valid_from) for ref in part.units_lost)
        yield from ((passage_key(ref.id), ref.valid_from) for ref in part.passages_lost)
    if parts and parts[0].document_lost is not None:
        yield document_key(parts[0].doc_id), parts[0].document_lost


def _vector(record: Record) -> str:
    if isinstance(record.vector, bytes):
        return record.vector.hex()
    return msgspec.json.encode(sorted(record.vector.items())).decode()
