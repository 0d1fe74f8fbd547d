"""What became of one document: its status, and how a change moves it on."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from schemas.index import ChangeStatus, IndexChange

State = Literal["indexed", "deleted", "absent"]


class DocumentStatus(Struct, frozen=True, kw_only=True):
    """The newest event of a document that the indexer has handled, and what stands since."""

    outcome: ChangeStatus
    partition: int
    offset: int
    """Of the event in `documents`."""
    index_time: int
    changes_offset: int
    """Where the change stands in the same partition of `index.changes`."""
    state: State
    """Whether there is such a document, whatever became of the newest event."""
    acl: list[str] | None
    """Who finds it; of one that is gone, who did."""
    title: str = ""
    uri: str | None = None
    content_type: str | None = None
    updated_at: str | None = None
    passages: int = 0
    units: int = 0


class Write(Struct, frozen=True, kw_only=True):
    """An event of `documents` that was sent from here and is not handled yet."""

    partition: int
    offset: int
    is_deletion: bool
    acl: list[str] | None


def folded(
    before: DocumentStatus | None,
    parts: Sequence[IndexChange],
    changes_offset: int,
    acl: list[str] | None,
) -> DocumentStatus:
    """A document's status after one change; `acl` is its writer's, where that is known."""
    change = parts[0]
    if before is None:
        before = _begun(change, acl)
    after = msgspec.structs.replace(
        before,
        outcome=change.status,
        partition=change.source.partition,
        offset=change.source.offset,
        index_time=change.index_time,
        changes_offset=changes_offset,
    )
    if change.status == "indexed":
        return _indexed(after, parts)
    if change.status == "deleted":
        return msgspec.structs.replace(after, state="deleted", passages=0, units=0)
    if change.status == "unchanged":
        return msgspec.structs.replace(after, updated_at=change.updated_at or after.updated_at)
    return after


def _begun(change: IndexChange, acl: list[str] | None) -> DocumentStatus:
    """Of a document that was never there nobody but its writer knows."""
    return DocumentStatus(
        outcome=change.status,
        partition=change.source.partition,
        offset=change.source.offset,
        index_time=change.index_time,
        changes_offset=0,
        state="absent",
        acl=acl or [],
    )


def _indexed(after: DocumentStatus, parts: Sequence[IndexChange]) -> DocumentStatus:
    change = parts[0]
    gained = sum(len(part.units_gained) for part in parts)
    return msgspec.structs.replace(
        after,
        state="indexed",
        acl=change.acl,
        title=change.title,
        uri=change.uri,
        content_type=change.content_type,
        updated_at=change.updated_at,
        passages=sum(len(part.layout) for part in parts),
        units=change.units_kept + gained,
    )
