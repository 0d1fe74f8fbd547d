"""`index.changes` and `index.progress`: how the index follows the documents.

A document's change may be too large for one record; then it travels in parts that share
the index time and the source, and counts once the last part is there.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import Id, IndexTime, Offset, Partition, Principal, Scalar
from schemas.documents import ContentType

ChangeStatus = Literal[
    "indexed",
    "unchanged",
    "deleted",
    "conflated",
    "late",
    "duplicate",
    "rekeyed",
    "rejected",
]


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The event in `documents` that a change comes from."""

    partition: Partition
    offset: Offset
    event_id: str | None = None
    """`source` and `id` of the CloudEvent, joined; what duplicates are recognised by."""


class PassageGained(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that is new or different. Its version is the change's index time."""

    passage_id: str
    heading: list[str]
    text: str
    """Exactly the source's characters."""
    terms: dict[str, int]
    """Term frequencies, title included: what lexical search weighs."""
    units: list[tuple[str, int, int]]
    """`unit_id`, start and end within `text`."""


class UnitGained(Struct, frozen=True, kw_only=True):
    """A unit that is new in its passage."""

    unit_id: str
    passage_id: str
    embed_key: str
    """Hash of exactly the embedded text and the embedder's version."""
    vector: bytes
    """float32, little-endian, L2-normalised."""


class RowRef(Struct, frozen=True, array_like=True):
    """A row that a change closes: its id and the index time from which it was valid."""

    id: str
    valid_from: IndexTime


class PassageSpan(Struct, frozen=True, array_like=True):
    """Where a passage stands in the document: characters [start, end)."""

    passage_id: str
    start: int
    end: int
    version: IndexTime


class IndexChange(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="change"
):
    """What one version of a document does to the index at `index_time`."""

    doc_id: Id
    index_version: str
    index_time: IndexTime
    source: Source
    status: ChangeStatus
    part: Annotated[int, Meta(ge=0)] = 0
    parts: Annotated[int, Meta(ge=1)] = 1
    title: str = ""
    uri: str | None = None
    content_type: ContentType | None = None
    updated_at: str | None = None
    acl: list[Principal] | None = None
    metadata: dict[str, Scalar] | None = None
    text_hash: str = ""
    """Of text and of everything else that decides the rows; equal hashes change nothing."""
    layout: list[PassageSpan] = []
    """Every passage of this version in order; replaces the last layout. Split over parts."""
    passages_gained: list[PassageGained] = []
    units_gained: list[UnitGained] = []
    passages_lost: list[RowRef] = []
    units_lost: list[RowRef] = []
    document_lost: IndexTime | None = None
    """`valid_from` of the document's row that this change closes."""
    units_kept: int = 0
    units_embedded: int = 0
    """How many of the units gained were sent to the embedder: the rest were known."""
    words_embedded: int = 0
    df: dict[str, int] = {}
    """Change in the number of passages that hold each term."""
    passages_delta: int = 0


class IndexTick(Struct, frozen=True, kw_only=True, tag_field="kind", tag="tick"):
    """A promise: this partition has no change at or before `index_time` still to come."""

    index_version: str
    index_time: IndexTime
    applied: Offset
    """Every event of the partition of `documents` up to this offset has been handled."""


IndexEvent = IndexChange | IndexTick


class IndexProgress(Struct, frozen=True, kw_only=True):
    """How far the index has applied one partition of the log."""

    partition: Partition
    index_version: str
    index_time: IndexTime
    """Reads at or before this time are complete for this partition."""
    applied: Offset
    """Last offset of `documents` that the index shows."""
    changes_offset: Offset
    """Last offset of `index.changes` that the index shows."""
