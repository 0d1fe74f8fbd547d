"""What a source yields, and what makes a text a document."""

from pathlib import PurePath
from typing import NamedTuple

from msgspec import Struct

from schemas.common import MAX_TEXT, Scalar
from schemas.documents import ContentType, Document

CONTENT_TYPES: dict[str, ContentType] = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".rst": "text/x-rst",
    ".html": "text/html",
    ".htm": "text/html",
    ".txt": "text/plain",
}

MAX_BYTES = 4 * MAX_TEXT
"""No text of more bytes than this can be within the bound, so it need not be read."""


class DocumentEvent(NamedTuple):
    """A document's new text, or None where it is deleted."""

    doc_id: str
    document: Document | None
    updated_at: int | None = None
    """Microseconds since the epoch; None where the source does not know."""
    event_id: str | None = None
    """The same whenever the source meets this event again; None where it cannot tell.

    It is never made from the text alone: a document that goes back to what it said before has
    changed, and would pass for a repetition.
    """


class Skipped(NamedTuple):
    """Something that was to be a document and is none."""

    name: str
    why: str


Found = DocumentEvent | Skipped


class Common(Struct, frozen=True):
    """What every document of one command is given."""

    acl: list[str] | None = None
    metadata: dict[str, Scalar] | None = None


class NotText(ValueError):
    """Bytes that no document can be made of; the message says why."""


def content_type_of(name: str) -> ContentType | None:
    """By the extension; None for one that says nothing."""
    return CONTENT_TYPES.get(PurePath(name).suffix.lower())


def decode_text(raw: bytes) -> str:
    """UTF-8, a byte order mark left out.

    Raises:
        NotText: too large, binary or in another encoding.
    """
    if len(raw) > MAX_BYTES:
        raise NotText(too_large(len(raw)))
    if b"\0" in raw:
        raise NotText("binary: it holds a null byte")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotText(f"not UTF-8: byte {error.start} cannot be read") from None
    if len(text) > MAX_TEXT:
        raise NotText(f"too large: {len(text)} characters, and a document has at most {MAX_TEXT}")
    return text


def too_large(size: int) -> str:
    """Why a file of `size` bytes is skipped unread."""
    return f"too large: {size} bytes, and a document has at most {MAX_TEXT} characters"


def unknown_type(name: str) -> str:
    """Why a file with an unknown extension is skipped."""
    known = " ".join(CONTENT_TYPES)
    return f"unknown extension {PurePath(name).suffix!r}: known are {known}"


def joined(prefix: str, name: str) -> str:
    """A document's id: the name under a prefix, which may be empty."""
    return f"{prefix}/{name}" if prefix else name
