"""A document cut up for the index: its passages, and under which keys its units are embedded."""

from typing import NamedTuple

from processors.embedding import embed_key
from processors.lexical import terms
from processors.manifest import Manifest, NewPassage, NewUnit, content_key
from processors.split import Split, split
from processors.version import IndexSpec
from schemas.documents import Document


class Cut(NamedTuple):
    """A document cut up: `texts` has what is embedded under each embed key."""

    title: str
    passages: list[NewPassage]
    texts: dict[str, str]


def cut_document(document: Document, spec: IndexSpec) -> Split:
    """A document's passages and units under an index version."""
    return split(
        document.text,
        document.content_type,
        document.title,
        spec.chunk,
        fallback_title=_stem(document.doc_id),
    )


def with_keys(cut: Split, embedder: str, row: str, held: Manifest | None) -> Cut:
    """Find the keys of its units and the terms of its passages.

    `row` is the document's `row_key`; what `held` has in the same words is not read again.
    """
    known = {passage.content: passage.terms for passage in held.passages} if held else {}
    texts: dict[str, str] = {}
    passages: list[NewPassage] = []
    for passage in cut.passages:
        units: list[NewUnit] = []
        for unit in passage.units:
            key = embed_key(unit.embed_text, embedder)
            texts[key] = unit.embed_text
            units.append(NewUnit(key, unit.start - passage.start, unit.end - passage.start))
        heading = list(passage.heading)
        found = known.get(content_key(heading, passage.text, row))
        if found is None:
            found = terms("\n".join((cut.title, *heading, passage.text)))
        passages.append(NewPassage(passage.start, passage.end, heading, passage.text, found, units))
    return Cut(cut.title, passages, texts)


def _stem(doc_id: str) -> str:
    """A title for a document that has none: the last part of its id, without an extension."""
    return doc_id.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
