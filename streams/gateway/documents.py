"""`/v1/documents`: a document's text put, deleted, and what became of it."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes
from weakref import WeakValueDictionary

import msgspec
from aiokafka.errors import KafkaError
from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import JSONResponse

from processors.control import Control
from schemas.common import MAX_TEXT, Id
from schemas.documents import Document
from schemas.envelope import Trace
from schemas.times import InvalidTime, format_time, parse_time
from streams.clients.kafka import LogClient, NoBroker, Position
from streams.gateway.auth import Caller
from streams.gateway.body import read_bytes, read_json
from streams.gateway.door import Door
from streams.gateway.errors import ApiError, invalid, log_unavailable
from streams.gateway.openai import idempotency_key
from streams.gateway.owners import Owners, check_acl, shown_acl, unknown
from streams.gateway.questions import SOURCE, event_id_of
from streams.gateway.statuses import Statuses
from streams.sources.event import DocumentEvent, Skipped
from streams.views.documentstatus import DocumentStatus, Write
from streams.writes import Message, prepare

PREFIX = "/v1/documents/"

_TEXT_TYPES = ("text/markdown", "text/x-rst", "text/html", "text/plain")


class PutDocument(Struct, frozen=True):
    """The body of a PUT; the fields are those of `schemas.documents.Document`."""

    text: str
    content_type: str
    title: Any = None
    uri: Any = None
    updated_at: Any = None
    acl: list[str] | UnsetType | None = UNSET
    metadata: Any = None


class Documents:
    """Produces `documents` and tells their status."""

    def __init__(
        self,
        log: LogClient,
        statuses: Statuses,
        door: Door,
        control: Control,
        clock: Callable[[], int],
        *,
        max_body_bytes: int,
        wait_s: float,
    ) -> None:
        """`?wait=true` waits at most `wait_s`."""
        self._log = log
        self._statuses = statuses
        self._door = door
        self._owners = Owners(statuses, control)
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self.wait_s = wait_s
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def put(self, request: Request) -> JSONResponse:
        """A new version of a document: 202 with its receipt, or 200 once every read shows it."""
        with self._door.enter(request, "documents:write") as caller:
            doc_id, waits = _doc_id(request), _flag(request, "wait")
            document = _document(doc_id, await self._body(request), caller)
            message = self._message(request, caller, doc_id, document)
            async with self._lock(doc_id):
                with self._owners.putting(doc_id, caller, document.acl):
                    position = await self._send(message, document.acl)
            return await self._written(doc_id, caller, position, waits)

    async def delete(self, request: Request) -> JSONResponse:
        """The end of a document: 202 with its receipt, or 200 once no read can find it."""
        with self._door.enter(request, "documents:write") as caller:
            doc_id, waits = _doc_id(request), _flag(request, "wait")
            self._owners.deleting(doc_id, caller)
            message = self._message(request, caller, doc_id, None)
            async with self._lock(doc_id):
                position = await self._send(message, self._owners.deleting(doc_id, caller))
            return await self._written(doc_id, caller, position, waits)

    async def get(self, request: Request) -> JSONResponse:
        """What became of the newest write; 404 for who may not find the document."""
        with self._door.enter(request, "documents:read") as caller:
            doc_id = _doc_id(request)
            found = self._status(doc_id, caller)
            if found is None:
                raise unknown(doc_id)
            return JSONResponse(found)

    async def _body(self, request: Request) -> PutDocument:
        content_type, _, parameters = request.headers.get("content-type", "").partition(";")
        content_type = content_type.strip().lower()
        if content_type == "application/json":
            return await read_json(request, PutDocument, self._max_body_bytes)
        if content_type not in _TEXT_TYPES:
            known = ", ".join(("application/json", *_TEXT_TYPES))
            message = f"content type {content_type[:64]!r} cannot be read; {known} can"
            raise ApiError(415, "unsupported_content_type", message)
        raw = await read_bytes(request, self._max_body_bytes)
        given = request.query_params
        return PutDocument(
            text=_utf8(raw, parameters),
            content_type=content_type,
            title=given.get("title"),
            uri=given.get("uri"),
            updated_at=given.get("updated_at"),
        )

    def _message(
        self, request: Request, caller: Caller, doc_id: str, document: Document | None
    ) -> Message:
        event_id = event_id_of(caller.tenant, doc_id, idempotency_key(request))
        prepared = prepare(DocumentEvent(doc_id, document, None, event_id), SOURCE, self._clock())
        if isinstance(prepared, Skipped):
            raise invalid(prepared.why)
        trace = Trace.parse(request.headers.get("traceparent")) or Trace.new()
        prepared.headers.append(("traceparent", str(trace.child()).encode()))
        prepared.headers.extend(_author(caller))
        return prepared

    def _lock(self, doc_id: str) -> asyncio.Lock:
        """One at a time decides whose a document is and writes it."""
        return self._locks.setdefault(doc_id, asyncio.Lock())

    async def _send(self, message: Message, acl: list[str] | None) -> Position:
        """Send an event of a document that the caller may write; it counts at once."""
        try:
            position = await self._log.send(
                "documents", message.doc_id, message.value, message.headers
            )
        except (KafkaError, NoBroker) as error:
            raise log_unavailable(error) from error
        write = Write(
            partition=position.partition,
            offset=position.offset,
            is_deletion=message.value is None,
            acl=acl,
        )
        self._statuses.view.note(message.doc_id, write)
        return position

    def _status(self, doc_id: str, caller: Caller) -> dict[str, Any] | None:
        """The body of a document's status; None where the caller may not find it."""
        if not self._owners.finds(doc_id, caller):
            return None
        view = self._statuses.view
        if (write := view.write(doc_id)) is not None:
            return _pending(doc_id, write.partition, write.offset)
        status = view.get(doc_id)
        return None if status is None else self._described(doc_id, status, caller)

    def _described(self, doc_id: str, status: DocumentStatus, caller: Caller) -> dict[str, Any]:
        changes, _ = self._statuses.view.topics
        described = _described(doc_id, status, changes, self._statuses.is_applied(status))
        return described | {"acl": shown_acl(status.acl, caller)}

    async def _written(
        self, doc_id: str, caller: Caller, position: Position, waits: bool
    ) -> JSONResponse:
        pending = _pending(doc_id, position.partition, position.offset)
        if not waits or not await self._statuses.until_shown(doc_id, position, self.wait_s):
            return JSONResponse(pending, status_code=202)
        status = self._statuses.view.get(doc_id)
        # It may have become another tenant's meanwhile.
        if status is None or not self._owners.finds(doc_id, caller):
            return JSONResponse(pending, status_code=202)
        described = self._described(doc_id, status, caller)
        if status.offset == position.offset and status.outcome == "rejected":
            message = "the document was rejected; `freshet dead-letters list` says why"
            raise ApiError(422, "rejected", message, details=described)
        return JSONResponse(described)


def _author(caller: Caller) -> list[tuple[str, bytes]]:
    """Who wrote it, as CloudEvents' extension for that has it."""
    return [("ce_authtype", b"api_key"), ("ce_authid", caller.key_id.encode())]


def _doc_id(request: Request) -> str:
    """The id in the path, which may hold slashes; raises ApiError where it is none."""
    raw = request.scope["raw_path"].partition(b"?")[0]
    try:
        doc_id = unquote_to_bytes(raw[len(PREFIX) :]).decode()
        return msgspec.convert(doc_id, Id)
    except UnicodeDecodeError:
        raise invalid("the document's id is not UTF-8", "doc_id") from None
    except msgspec.ValidationError as error:
        raise invalid(f"the document's id: {error}", "doc_id") from None


def _flag(request: Request, name: str) -> bool:
    given = request.query_params.get(name, "false").lower()
    if given not in ("true", "1", "false", "0"):
        raise invalid(f"{name}: true or false", name)
    return given in ("true", "1")


def _utf8(raw: bytes, parameters: str) -> str:
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "').lower()
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise ApiError(415, "unsupported_content_type", f"charset {charset[:32]!r}: send UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid(f"the text is not UTF-8: byte {error.start} cannot be read") from None


def _document(doc_id: str, body: PutDocument, caller: Caller) -> Document:
    """The document to write; without an `acl` it is its writer's alone."""
    if len(body.text) > MAX_TEXT:
        message = f"{len(body.text)} characters; a document has at most {MAX_TEXT}"
        raise ApiError(413, "request_too_large", message, param="text")
    acl = [caller.tenant] if isinstance(body.acl, UnsetType) else body.acl
    check_acl(acl, caller)
    if (most := caller.limits.document_bytes) is not None and len(body.text.encode()) > most:
        message = f"the text has more than the {most} bytes that this tenant's may have"
        raise ApiError(413, "request_too_large", message, param="text")
    if isinstance(body.updated_at, str):
        try:
            parse_time(body.updated_at)
        except InvalidTime as error:
            raise invalid(str(error), "updated_at") from None
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    return Document(doc_id=doc_id, **{**fields, "acl": acl})


def _pending(doc_id: str, partition: int, offset: int) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "status": "pending",
        "receipt": _receipt(partition, offset),
        "applied": False,
        "index_time": None,
    }


def _described(doc_id: str, status: DocumentStatus, changes: str, applied: bool) -> dict[str, Any]:
    """A status as JSON. `status` is what stands, `outcome` what the newest event came to."""
    stands = "rejected" if status.state == "absent" else status.state
    return {
        "doc_id": doc_id,
        "status": stands,
        "outcome": status.outcome,
        "receipt": _receipt(status.partition, status.offset),
        "applied": applied,
        "index_time": status.index_time,
        "indexed_at": format_time(status.index_time),
        "change": {
            "topic": changes,
            "partition": status.partition,
            "offset": status.changes_offset,
        },
        "title": status.title,
        "uri": status.uri,
        "content_type": status.content_type,
        "updated_at": status.updated_at,
        "passages": status.passages,
        "units": status.units,
    }


def _receipt(partition: int, offset: int) -> dict[str, Any]:
    return {"topic": "documents", "partition": partition, "offset": offset}
