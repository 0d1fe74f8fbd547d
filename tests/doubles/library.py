"""Documents with a past: makes the changes that an indexer would, and tells what a read must give.

A passage is given as the words that are its units. It is a plain model: it keeps every version
of every document whole, and knows nothing of rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from zlib import crc32

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from processors.index import Access
from processors.lexical import term_id
from schemas.common import Scalar
from schemas.index import IndexChange, PassageGained, PassageSpan, RowRef, Source, UnitGained

Words = Mapping[str, Sequence[str]]
"""Passages by name, each as its words."""


class Version(Struct, frozen=True):
    """A document from one index time on; no words at all once it is deleted."""

    valid_from: int
    words: Words
    acl: list[str] | None
    metadata: dict[str, Scalar]


class Seen(Struct, frozen=True):
    """All that a reader finds at one index time."""

    units: dict[str, str]
    """To their passages."""
    passages: dict[str, str]
    """To their texts."""
    layouts: dict[str, dict[str, tuple[int, int]]]
    """Of the documents, for whoever may read them or not."""


class _Held(Struct):
    """The open rows of one document: ids to the times they are valid from."""

    document: int
    passages: dict[str, int]
    units: dict[str, int]


class Library:
    """Documents, and what changing them does."""

    def __init__(self) -> None:
        self._versions: dict[str, list[Version]] = {}
        self._held: dict[str, _Held] = {}

    @property
    def documents(self) -> list[str]:
        """The ids of all documents there ever were."""
        return list(self._versions)

    def put(
        self,
        doc_id: str,
        words: Words,
        at: int,
        *,
        acl: list[str] | None = None,
        metadata: dict[str, Scalar] | None = None,
    ) -> list[IndexChange]:
        """The change, in as many parts as there are passages, that makes a document be this."""
        before = self._version(doc_id, at)
        now = Version(at, {name: tuple(said) for name, said in words.items()}, acl, metadata or {})
        self._versions.setdefault(doc_id, []).append(now)
        rewrite = before is not None and (before.acl, before.metadata) != (now.acl, now.metadata)
        return list(self._change(doc_id, before.words if before else {}, now, rewrite))

    def delete(self, doc_id: str, at: int) -> list[IndexChange]:
        """The change that deletes a document."""
        self._versions.setdefault(doc_id, []).append(Version(at, {}, None, {}))
        held = self._held.pop(doc_id, None)
        return [
            IndexChange(
                doc_id=doc_id,
                index_version="v1",
                index_time=at,
                source=Source(partition=0, offset=at),
                status="deleted",
                passages_lost=_refs(held.passages) if held else [],
                units_lost=_refs(held.units) if held else [],
                document_lost=held.document if held else None,
            )
        ]

    def seen(self, at: int, access: Access | None = None) -> Seen:
        """What a read at `at` must find."""
        found = Seen({}, {}, {})
        for doc_id in self._versions:
            version = self._version(doc_id, at)
            if version is None or not version.words:
                continue
            found.layouts[doc_id] = _layout(doc_id, version.words)
            if _allowed(version, access or Access()):
                for name, said in version.words.items():
                    passage_id = f"{doc_id}/{name}"
                    found.passages[passage_id] = " ".join(said)
                    found.units.update({f"{passage_id}/{word}": passage_id for word in said})
        return found

    def _version(self, doc_id: str, at: int) -> Version | None:
        past = [version for version in self._versions.get(doc_id, ()) if version.valid_from <= at]
        return past[-1] if past else None

    def _change(
        self, doc_id: str, before: Words, now: Version, rewrite: bool
    ) -> Iterator[IndexChange]:
        held = self._held.setdefault(doc_id, _Held(-1, {}, {}))
        lost = _Held(held.document, {}, {})
        held.document = now.valid_from
        gained = {
            name: said
            for name, said in now.words.items()
            if rewrite or tuple(before.get(name, ())) != said
        }
        for passage_id in [f"{doc_id}/{name}" for name in {*gained, *(before.keys() - now.words)}]:
            if passage_id in held.passages:
                lost.passages[passage_id] = held.passages.pop(passage_id)
        wanted = {f"{doc_id}/{name}/{word}" for name, said in now.words.items() for word in said}
        for unit_id in list(held.units):
            if rewrite or unit_id not in wanted:
                lost.units[unit_id] = held.units.pop(unit_id)
        spans = _layout(doc_id, now.words)
        for part, (name, said) in enumerate(now.words.items()):
            yield self._part(doc_id, now, part, name, said if name in gained else None, lost, spans)

    def _part(
        self,
        doc_id: str,
        now: Version,
        part: int,
        name: str,
        said: Sequence[str] | None,
        lost: _Held,
        spans: Mapping[str, tuple[int, int]],
    ) -> IndexChange:
        held, passage_id = self._held[doc_id], f"{doc_id}/{name}"
        fresh = [word for word in said or () if f"{passage_id}/{word}" not in held.units]
        held.units.update({f"{passage_id}/{word}": now.valid_from for word in fresh})
        if said is not None:
            held.passages[passage_id] = now.valid_from
        first = part == 0
        return IndexChange(
            doc_id=doc_id,
            index_version="v1",
            index_time=now.valid_from,
            source=Source(partition=0, offset=now.valid_from),
            status="indexed",
            part=part,
            parts=len(now.words),
            title=f"On {doc_id}",
            content_type="text/plain",
            acl=now.acl,
            metadata=now.metadata,
            layout=[PassageSpan(passage_id, *spans[passage_id], held.passages[passage_id])],
            passages_gained=[] if said is None else [_passage(passage_id, said)],
            units_gained=[_unit(passage_id, word) for word in fresh],
            passages_lost=_refs(lost.passages) if first else [],
            units_lost=_refs(lost.units) if first else [],
            document_lost=lost.document if first and lost.document >= 0 else None,
        )


def vector(word: str) -> NDArray[np.float32]:
    """A word's meaning: float32 [384] of length one, the same wherever the word stands."""
    drawn = np.random.default_rng(crc32(word.encode())).normal(size=384)
    return (drawn / np.linalg.norm(drawn)).astype("<f4")


def weights(*words: str) -> dict[int, float]:
    """A question that asks for these words."""
    return {term_id(word): 1.0 for word in words}


def _unit(passage_id: str, word: str) -> UnitGained:
    return UnitGained(
        unit_id=f"{passage_id}/{word}",
        passage_id=passage_id,
        embed_key=f"{crc32(word.encode()):032x}",
        vector=vector(word).tobytes(),
    )


def _passage(passage_id: str, said: Sequence[str]) -> PassageGained:
    spans = _spans(said)
    return PassageGained(
        passage_id=passage_id,
        heading=["A heading"],
        text=" ".join(said),
        terms={word: said.count(word) for word in ("everywhere", *said)} | {"everywhere": 1},
        units=[(f"{passage_id}/{word}", *span) for word, span in zip(said, spans, strict=True)],
    )


def _spans(said: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = 0
    for word in said:
        yield start, start + len(word)
        start += len(word) + 1


def _layout(doc_id: str, words: Words) -> dict[str, tuple[int, int]]:
    spans = _spans([" ".join(said) for said in words.values()])
    return {f"{doc_id}/{name}": span for name, span in zip(words, spans, strict=True)}


def _refs(rows: Mapping[str, int]) -> list[RowRef]:
    return [RowRef(row_id, valid_from) for row_id, valid_from in rows.items()]


def _allowed(version: Version, access: Access) -> bool:
    names = {access.tenant, *access.groups}
    listed = access.tenant is None or version.acl is None or not names.isdisjoint(version.acl)
    return listed and all(
        any(_same(version.metadata.get(key), one) for one in _choices(wanted))
        for key, wanted in access.filters.items()
    )


def _choices(wanted: object) -> Sequence[object]:
    return wanted if isinstance(wanted, list) else [wanted]


def _same(value: object, wanted: object) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted
