"""A request's body, read within a bound and as the type it is to be."""

import asyncio
import re
from typing import TypeVar

import msgspec
from starlette.requests import Request

from schemas.codec import InvalidEvent, decode_as
from streams.gateway.errors import ApiError, invalid, too_large

DRAINED_BYTES = 64 * 1024 * 1024
"""So much of a body that is too large is still read: a caller who is cut off while it sends
never sees the answer."""

BODY_S = 60.0
"""In which a body has to be there: who sends it drop by drop holds up nobody but itself."""

_PLACE = re.compile(r"\$((?:\.[^.\s:]+)*)\)?: ")

Body = TypeVar("Body", bound=msgspec.Struct)


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body, at most `limit` bytes.

    Raises:
        ApiError: larger (413), compressed (415), or not there within `BODY_S` (408).
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise ApiError(415, "unsupported_encoding", f"content-encoding {encoding[:32]!r}")
    if _announced(request) > DRAINED_BYTES:
        raise too_large(limit)
    try:
        async with asyncio.timeout(BODY_S):
            kept, size = await _drained(request, limit)
    except TimeoutError:
        message = f"the body was not there within {BODY_S:g} s"
        raise ApiError(408, "request_timeout", message) from None
    if size > limit:
        raise too_large(limit)
    return kept


async def _drained(request: Request, limit: int) -> tuple[bytes, int]:
    """The body as far as it is within `limit`, and how long it was."""
    kept, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > DRAINED_BYTES:
            break
        if size <= limit:
            kept += chunk
    return bytes(kept), size


async def read_json(request: Request, kind: type[Body], limit: int) -> Body:
    """The body as `kind`; fields that it does not have are left out.

    Raises:
        ApiError: not JSON, or not of this type (400, naming the field); or as `read_bytes`.
    """
    try:
        return decode_as(kind, await read_bytes(request, limit))
    except InvalidEvent as error:
        raise explained(error) from None


def explained(error: InvalidEvent, prefix: str = "") -> ApiError:
    """The error of a value that is not of its type; `param` is the field, under `prefix`."""
    match = _PLACE.search(error.message)
    param = prefix + match[1].lstrip(".") if match and match[1] else None
    return invalid(error.message, param)


def _announced(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdigit() and len(length) < 20 else 0
