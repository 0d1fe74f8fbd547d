"""Records of `documents`, read and checked beyond what their types can say."""

import msgspec

from processors.manifest import digest
from schemas.codec import decode
from schemas.common import Id
from schemas.deadletters import Reason
from schemas.documents import Document
from schemas.envelope import Envelope
from schemas.times import InvalidTime, parse_time


class Rejected(Exception):
    """A record that is no use, and why."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def doc_id_of(key: bytes | None) -> str:
    """The document that a record's key names.

    Raises:
        Rejected: it names none.
    """
    if not key:
        raise Rejected("missing_key", "a document's key is its doc_id, and this one has no key")
    try:
        doc_id = key.decode()
    except UnicodeDecodeError:
        raise Rejected("invalid", "the key is not UTF-8") from None
    try:
        return msgspec.convert(doc_id, Id)
    except msgspec.ValidationError as error:
        raise Rejected("invalid", f"the key is not a doc_id: {error}") from None


def document_of(doc_id: str, value: bytes | None, envelope: Envelope | None) -> Document | None:
    """The document in a record's value; None is a deletion.

    Raises:
        Rejected: it is not this document's.
        InvalidEvent: it is no event of `documents`.
    """
    if value is None:
        return None
    document = decode("documents", value, envelope)
    if not isinstance(document, Document):
        raise Rejected("wrong_type", f"a {type(document).__name__} is not a document")
    if document.doc_id != doc_id:
        raise Rejected("key_mismatch", "the key is not the value's doc_id")
    if document.updated_at is not None:
        try:
            parse_time(document.updated_at)
        except InvalidTime as error:
            raise Rejected("invalid", f"$.updated_at: {error}") from None
    return document


def text_hash_of(document: Document) -> str:
    """Name all that decides a document's rows: sent again with a later time it is unchanged."""
    timeless = msgspec.structs.replace(document, updated_at=None)
    return digest(msgspec.json.encode(timeless, order="deterministic").decode())
