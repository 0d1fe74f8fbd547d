"""`/v1/documents`: a document's text put, deleted, and what became of it.

Whose a document is: the tenants' in its `acl`. One without an `acl` is everybody's to find, and
only keys with the scope `documents:admin` may write it. A document that was deleted is nobody's.
"""

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

from schemas.common import MAX_TEXT, Id
from schemas.documents import Document
from schemas.envelope import Trace
from schemas.times import InvalidTime, format_time, parse_time
from streams.clients.kafka import LogClient, NoBroker, Position
from streams.gateway.auth import ADMIN, Caller
from streams.gateway.body import read_bytes, read_json
from streams.gateway.errors import ApiError, invalid, log_unavailable
from streams.gateway.openai import Authenticate, idempotency_key
from streams.gateway.questions import SOURCE, event_id_of
from streams.gateway.statuses import Statuses
from streams.sources.event import DocumentEvent, Skipped
from streams.views.status import DocumentStatus, Write
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
        authenticate: Authenticate,
        clock: Callable[[], int],
        *,
        max_body_bytes: int,
        wait_s: float,
    ) -> None:
        """`?wait=true` waits at most `wait_s`."""
        self._log = log
        self._statuses = statuses
        self._authenticate = authenticate
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self.wait_s = wait_s
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def put(self, request: Request) -> JSONResponse:
        """A new version of a document: 202 with its receipt, or 200 once every read shows it."""
        caller, doc_id, waits = self._read(request)
        document = _document(doc_id, await self._body(request), caller)
        message = self._message(request, caller, doc_id, document)
        position = await self._write(doc_id, message, caller, document.acl)
        return await self._written(doc_id, position, waits)

    async def delete(self, request: Request) -> JSONResponse:
        """The end of a document: 202 with its receipt, or 200 once no read can find it."""
        caller, doc_id, waits = self._read(request)
        if self._status(doc_id, caller) is None and not self._is_owned(doc_id):
            raise _unknown(doc_id)
        message = self._message(request, caller, doc_id, None)
        position = await self._write(doc_id, message, caller, None)
        return await self._written(doc_id, position, waits)

    async def get(self, request: Request) -> JSONResponse:
        """What became of the newest write; 404 for who may not find the document."""
        caller, doc_id, _ = self._read(request)
        found = self._status(doc_id, caller)
        if found is None:
            raise _unknown(doc_id)
        return JSONResponse(found)

    def _read(self, request: Request) -> tuple[Caller, str, bool]:
        caller = self._authenticate(request)
        return caller, _doc_id(request), _flag(request, "wait")

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
        return prepared

    async def _write(
        self, doc_id: str, message: Message, caller: Caller, acl: list[str] | None
    ) -> Position:
        """Send an event of a document that the caller may write; it counts at once."""
        async with self._locks.setdefault(doc_id, asyncio.Lock()):
            owners = self._owners(doc_id, caller)
            try:
                position = await self._log.send("documents", doc_id, message.value, message.headers)
            except (KafkaError, NoBroker) as error:
                raise log_unavailable(error) from error
            is_deletion = message.value is None
            write = Write(
                partition=position.partition,
                offset=position.offset,
                is_deletion=is_deletion,
                acl=owners if is_deletion else acl,
            )
            self._statuses.view.note(doc_id, write)
            return position

    def _owners(self, doc_id: str, caller: Caller) -> list[str] | None:
        """The `acl` of a document as it stands; raises ApiError where the caller may not write."""
        if not self._is_owned(doc_id):
            return [caller.tenant]
        acl = self._acl(doc_id)
        if acl is None and not caller.is_admin:
            raise _forbidden(f"this document is public: writing it takes a key with {ADMIN!r}")
        if acl is not None and caller.tenant not in acl:
            raise _forbidden("this document is another tenant's")
        return acl

    def _is_owned(self, doc_id: str) -> bool:
        view = self._statuses.view
        status = view.get(doc_id)
        return view.write(doc_id) is not None or (status is not None and status.state == "indexed")

    def _acl(self, doc_id: str) -> list[str] | None:
        view = self._statuses.view
        newest = view.write(doc_id) or view.get(doc_id)
        return newest.acl if newest is not None else []

    def _status(self, doc_id: str, caller: Caller) -> dict[str, Any] | None:
        """The body of a document's status; None where the caller may not find it."""
        acl = self._acl(doc_id)
        if acl is not None and caller.tenant not in acl:
            return None
        view = self._statuses.view
        if (write := view.write(doc_id)) is not None:
            return _pending(doc_id, write.partition, write.offset)
        status = view.get(doc_id)
        return self._described(doc_id, status) if status else None

    def _described(self, doc_id: str, status: DocumentStatus) -> dict[str, Any]:
        changes, _ = self._statuses.view.topics
        return _described(doc_id, status, changes, self._statuses.is_applied(status))

    async def _written(self, doc_id: str, position: Position, waits: bool) -> JSONResponse:
        pending = _pending(doc_id, position.partition, position.offset)
        if not waits or not await self._statuses.until_shown(doc_id, position, self.wait_s):
            return JSONResponse(pending, status_code=202)
        status = self._statuses.view.get(doc_id)
        if status is None:
            return JSONResponse(pending, status_code=202)
        described = self._described(doc_id, status)
        if status.offset == position.offset and status.outcome == "rejected":
            message = "the document was rejected; `freshet dead-letters list` says why"
            raise ApiError(422, "rejected", message, details=described)
        return JSONResponse(described)


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
    if acl is None and not caller.is_admin:
        raise _forbidden(f"writing a public document takes a key with {ADMIN!r}")
    if acl is not None and caller.tenant not in acl:
        raise _forbidden(f"the acl leaves out its writer, {caller.tenant!r}")
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
        "acl": status.acl,
        "passages": status.passages,
        "units": status.units,
        "units_embedded": status.units_embedded,
    }


def _receipt(partition: int, offset: int) -> dict[str, Any]:
    return {"topic": "documents", "partition": partition, "offset": offset}


def _unknown(doc_id: str) -> ApiError:
    return ApiError(404, "document_not_found", f"there is no document {doc_id!r}", param="doc_id")


def _forbidden(message: str) -> ApiError:
    return ApiError(403, "forbidden", message)
