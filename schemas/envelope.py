"""The envelope: CloudEvents 1.0 in Kafka's binary mode, with a W3C trace.

Attributes travel as headers and the value is the event itself. A message without `ce_*` headers
has no envelope and is welcome all the same.
"""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self
from uuid import uuid4

from schemas.times import InvalidTime, format_time, parse_time

MAX_HEADERS = 64
MAX_HEADER_BYTES = 64 * 1024
MAX_ATTRIBUTE = 512
SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TRACE = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-[^\s]*)?")
_STRUCTURED = "application/cloudevents"

Header = tuple[str, bytes | None]
"""A header as Kafka has it: the value may be null."""


class InvalidEnvelope(ValueError):
    """Headers that begin a CloudEvent and do not make one. The message names the header."""


class Trace(NamedTuple):
    """A place in a distributed trace: 32 and 16 lower-case hexadecimal digits, and flags."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @classmethod
    def parse(cls, traceparent: str | None) -> Self | None:
        """None where it is absent or malformed: then, as W3C asks, a new trace begins."""
        match = _TRACE.fullmatch(traceparent or "")
        if match is None:
            return None
        version, trace_id, span_id, flags = match.groups()
        known = version == "00" and len(match[0]) == 55
        if not (known or "00" < version < "ff") or not int(trace_id, 16) or not int(span_id, 16):
            return None
        return cls(trace_id, span_id, flags)

    @classmethod
    def new(cls) -> Self:
        """The root of a new trace."""
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    def child(self, span_id: str | None = None) -> Self:
        """A span under this one."""
        return self._replace(span_id=span_id or secrets.token_hex(8))

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


class Envelope(NamedTuple):
    """Who made an event, which one it is, what it is and when it happened."""

    source: str
    id: str
    type: str
    time: int | None = None
    """Microseconds since the epoch."""
    traceparent: str | None = None

    @property
    def dedupe_key(self) -> str:
        """The same for two deliveries of one event. A source holds no space, so it is unique."""
        return f"{self.source} {self.id}"

    @classmethod
    def from_headers(cls, headers: Iterable[Header] | None) -> Self | None:
        """The envelope, or None for a plain message.

        Raises:
            InvalidEnvelope: too many or too large, an attribute missing, twice or malformed,
                another version, or structured mode.
        """
        found = _collect(headers or ())
        if found.get("content-type", "").lower().startswith(_STRUCTURED):
            raise InvalidEnvelope("content-type: structured mode is not read; send binary mode")
        if not any(name.startswith("ce_") for name in found):
            return None
        version = _required(found, "ce_specversion")
        if version != SPEC_VERSION:
            raise InvalidEnvelope(f"ce_specversion: {SPEC_VERSION} expected, not {version[:16]!r}")
        source = _required(found, "ce_source")
        if any(map(str.isspace, source)):
            raise InvalidEnvelope("ce_source: white space is not allowed")
        return cls(
            source,
            _required(found, "ce_id"),
            _required(found, "ce_type"),
            _time(found.get("ce_time")),
            traceparent_in(headers),
        )


def headers(
    event_type: str,
    *,
    source: str,
    time: int,
    id: str | None = None,
    traceparent: str | None = None,
) -> list[tuple[str, bytes]]:
    """The headers of an event that happened at `time` (microseconds since the epoch).

    An `id` that follows from what caused the event makes its repetition recognisable; without
    one a random id is taken.
    """
    attributes = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": id or str(uuid4()),
        "ce_source": source,
        "ce_type": event_type,
        "ce_time": format_time(time),
        "content-type": CONTENT_TYPE,
    }
    if traceparent is not None:
        attributes["traceparent"] = traceparent
    return [(name, value.encode()) for name, value in attributes.items()]


def traceparent_in(headers: Iterable[Header] | None) -> str | None:
    """The trace that a message belongs to, envelope or none; a malformed one counts as absent."""
    for name, value in headers or ():
        if name == "traceparent" and value is not None:
            text = value.decode("ascii", "replace")
            return text if Trace.parse(text) else None
    return None


def _collect(headers: Iterable[Header]) -> dict[str, str]:
    """The headers an envelope is made of, by name."""
    pairs: Sequence[Header] = headers if isinstance(headers, Sequence) else list(headers)
    if len(pairs) > MAX_HEADERS:
        raise InvalidEnvelope(f"{len(pairs)} headers; at most {MAX_HEADERS} are read")
    size = sum(len(name) + len(value or b"") for name, value in pairs)
    if size > MAX_HEADER_BYTES:
        raise InvalidEnvelope(f"{size} bytes of headers; at most {MAX_HEADER_BYTES} are read")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name.startswith("ce_"):
            if name in found:
                raise InvalidEnvelope(f"{name[:MAX_ATTRIBUTE]}: given twice")
            found[name] = _text(name, value or b"")
        elif name == "content-type":
            found[name] = (value or b"").decode("utf-8", "replace")
    return found


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidEnvelope(f"{name[:MAX_ATTRIBUTE]}: not UTF-8") from None


def _required(found: Mapping[str, str], name: str) -> str:
    value = found.get(name)
    if not value:
        raise InvalidEnvelope(f"{name}: missing")
    if len(value) > MAX_ATTRIBUTE:
        raise InvalidEnvelope(f"{name}: longer than {MAX_ATTRIBUTE} characters")
    if _CONTROL.search(value):
        raise InvalidEnvelope(f"{name}: control characters are not allowed")
    return value


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except InvalidTime as error:
        raise InvalidEnvelope(f"ce_time: {error}") from None
