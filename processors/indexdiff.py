"""What two states of the index hold: documents, passages and units that are in one alone.

Two states are of two index versions, or of one at two times. Passages and units are told apart by
their text, whatever they are called and whichever embedder made their vectors.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from processors.manifest import digest
from schemas.index import IndexChange, PassageGained

SHOWN = 10
"""Documents that are shown as examples."""
_EXCERPT = 200

Kind = Literal["only_one", "only_other", "changed", "cut"]
"""In the first alone; in the second alone; another text; the same text, cut otherwise."""


class Piece(Struct, frozen=True):
    """A passage, by what it says."""

    key: str
    shown: str
    units: tuple[str, ...]


class Held(Struct, frozen=True):
    """What a state holds of one document."""

    text_hash: str
    title: str
    pieces: Mapping[str, Piece]
    """By passage id, in the order of the text."""


GONE = Piece("", "(its text is no longer in the log)", ())


class Contents:
    """A fold of an index version's changes, to an index time. Holds a digest for each text."""

    def __init__(self, at: int | None = None, only: str | None = None) -> None:
        """`only` is a document to look at alone, whose passages are then kept whole."""
        self._at = at
        self._only = only
        self.documents: dict[str, Held] = {}
        self.newest: dict[int, int] = {}
        """Partition to the newest index time that was seen."""

    def add(self, partition: int, index_time: int, parts: Sequence[IndexChange]) -> None:
        """Take the next step of one partition; a tick has no parts."""
        self.newest[partition] = index_time
        if not parts or (self._at is not None and index_time > self._at):
            return
        change = parts[0]
        if self._only not in (None, change.doc_id):
            return
        if change.status == "deleted":
            self.documents.pop(change.doc_id, None)
        elif change.status == "indexed":
            self.documents[change.doc_id] = self._held(parts)

    def _held(self, parts: Sequence[IndexChange]) -> Held:
        change = parts[0]
        before = self.documents.get(change.doc_id)
        known = {} if before is None else before.pieces
        gained = {
            one.passage_id: self._piece(one) for part in parts for one in part.passages_gained
        }
        spans = (span.passage_id for part in parts for span in part.layout)
        pieces = {name: gained.get(name) or known.get(name, GONE) for name in spans}
        return Held(change.text_hash, change.title, pieces)

    def _piece(self, gained: PassageGained) -> Piece:
        text = gained.text
        units = tuple(digest(text[start:end]) for _, start, end in gained.units)
        shown = text if self._only is not None else text[:_EXCERPT]
        return Piece(digest(*gained.heading, text), shown, units)


class Count(Struct, kw_only=True):
    """How many of a kind are where."""

    both: int = 0
    only_one: int = 0
    only_other: int = 0

    def add(self, one: Counter[str], other: Counter[str]) -> None:
        """Count what two states hold of a document."""
        self.both += (one & other).total()
        self.only_one += (one - other).total()
        self.only_other += (other - one).total()


class Example(Struct, frozen=True, kw_only=True):
    """A document in which the two differ, with the passages that are in one alone."""

    doc_id: str
    title: str
    kind: Kind
    only_one: list[str]
    only_other: list[str]


class IndexDifference(Struct, kw_only=True):
    """What is different."""

    documents: Count
    changed: int = 0
    """Documents in both whose text is another."""
    cut: int = 0
    """Documents in both with the same text in other passages or units."""
    passages: Count
    units: Count
    examples: list[Example]

    @property
    def differs(self) -> bool:
        """Whether anything is."""
        counts = (self.documents, self.passages, self.units)
        return bool(self.changed or any(one.only_one or one.only_other for one in counts))


def difference(one: Contents, other: Contents, shown: int = SHOWN) -> IndexDifference:
    """What differs between two states; `shown` documents are examples, the first by name."""
    found = IndexDifference(documents=Count(), passages=Count(), units=Count(), examples=[])
    for doc_id in sorted(one.documents.keys() | other.documents.keys()):
        first, second = one.documents.get(doc_id), other.documents.get(doc_id)
        found.documents.add(_there(first), _there(second))
        found.passages.add(_keys(first), _keys(second))
        found.units.add(_units(first), _units(second))
        kind = _kind(first, second)
        if kind is None:
            continue
        found.changed += kind == "changed"
        found.cut += kind == "cut"
        if len(found.examples) < shown:
            found.examples.append(_example(doc_id, kind, first, second))
    return found


def _kind(one: Held | None, other: Held | None) -> Kind | None:
    if one is None or other is None:
        return "only_one" if other is None else "only_other"
    if one.text_hash != other.text_hash:
        return "changed"
    same = _keys(one) == _keys(other) and _units(one) == _units(other)
    return None if same else "cut"


def _example(doc_id: str, kind: Kind, one: Held | None, other: Held | None) -> Example:
    title = next(held.title for held in (other, one) if held is not None)
    return Example(
        doc_id=doc_id,
        title=title,
        kind=kind,
        only_one=list(_lacking(one, other)),
        only_other=list(_lacking(other, one)),
    )


def _lacking(one: Held | None, other: Held | None) -> Iterator[str]:
    """The passages of one that the other has not."""
    there = _keys(other)
    return (piece.shown for piece in _pieces(one) if piece.key not in there)


def _there(held: Held | None) -> Counter[str]:
    return Counter() if held is None else Counter([""])


def _keys(held: Held | None) -> Counter[str]:
    return Counter(piece.key for piece in _pieces(held))


def _units(held: Held | None) -> Counter[str]:
    return Counter(unit for piece in _pieces(held) for unit in piece.units)


def _pieces(held: Held | None) -> Iterable[Piece]:
    return () if held is None else held.pieces.values()
