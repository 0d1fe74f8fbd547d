"""`documents`: a document's new text. A null value deletes the document."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import MAX_TEXT, Id, Principal, Scalar
from schemas.times import Moment

ContentType = Literal["text/markdown", "text/x-rst", "text/html", "text/plain"]

MetadataKey = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$(?!\n)")]


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a document. Offsets elsewhere count the characters of `text`."""

    doc_id: Id
    text: Annotated[str, Meta(max_length=MAX_TEXT)]
    content_type: ContentType
    title: Annotated[str, Meta(max_length=512)] | None = None
    uri: Annotated[str, Meta(max_length=2048)] | None = None
    updated_at: Moment | None = None
    """An event older than what is indexed is recognised as late and left out."""
    acl: Annotated[list[Principal], Meta(max_length=256)] | None = None
    """Tenants and groups that may find it; absent, every tenant may."""
    metadata: Annotated[dict[MetadataKey, Scalar], Meta(max_length=64)] | None = None
