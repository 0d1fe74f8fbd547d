"""Events to bytes and back. Bytes come from anybody: whatever they are, the error is typed."""

import re
from functools import cache, reduce
from operator import or_
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from schemas.deadletters import Reason
from schemas.envelope import Envelope
from schemas.topics import Topic, topic_named

MAX_MESSAGE = 240
_SHOWN = 64
_PLACE = re.compile(r"(?s)^(.*?)(?: - at `([^`]*)`(?: in `([^`]*)`)?)?$")
_ENCODER = msgspec.json.Encoder(order="deterministic")

Event = TypeVar("Event", bound=Struct)


class InvalidEvent(ValueError):
    """A value that is not an event of its topic. `reason` is what its dead letter will say."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message


def encode(event: Struct) -> bytes:
    """UTF-8 JSON: equal events give equal bytes (fields as declared, other keys sorted).

    Raises:
        InvalidEvent: a lone surrogate, or a number that JSON cannot write (NaN, infinity).
    """
    try:
        value = _ENCODER.encode(event)
    except UnicodeEncodeError as error:
        raise InvalidEvent("invalid", f"a lone surrogate cannot be written: {error}") from None
    if b"null" in value:  # how NaN and the infinities are written
        decode_as(type(event), value)
    return value


def decode(topic: str, value: bytes | None, envelope: Envelope | None = None) -> Struct:
    """The event in a record's value, read as the struct that its `ce_type` names.

    Without an envelope it is the topic's usual type, or the one its tag names. Unknown fields are
    left out, so an older reader reads a newer event; of a field given twice the last one counts.
    Null values are no events: deal with deletions first.

    Raises:
        InvalidEvent: with the reason and the field (`$.text: ..`), never with the whole value.
        KeyError: there is no such topic.
    """
    known = topic_named(topic)
    if value is None:
        raise InvalidEvent("invalid", "a null value, where only an event will do")
    if len(value) > known.max_message_bytes:
        raise InvalidEvent(
            "too_large", f"{len(value)} bytes; `{topic}` takes {known.max_message_bytes}"
        )
    found: Struct = _read(_decoder(topic, envelope.type if envelope else None), value)
    return found


def decode_as(kind: type[Event], value: bytes) -> Event:
    """An event of one known type.

    Raises:
        InvalidEvent: as `decode`, but for size.
    """
    found: Event = _read(_plain(kind), value)
    return found


def _read(decoder: msgspec.json.Decoder[Any], value: bytes) -> Any:
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidEvent("invalid", _explain(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidEvent("not_json", str(error)[:MAX_MESSAGE]) from None
    except RecursionError:
        raise InvalidEvent("not_json", "nested too deeply") from None


def _explain(message: str) -> str:
    """The field first, then what is wrong with it; of a value at most its beginning."""
    what, place, container = _PLACE.match(message).groups()  # type: ignore[union-attr]
    if what.startswith("Invalid") and len(what) > _SHOWN:
        what = what[:_SHOWN] + "…"
    where = f"{container} ({place})" if container else place or "$"
    return f"{where}: {what}"[:MAX_MESSAGE]


def _decoder(topic: str, event_type: str | None) -> msgspec.json.Decoder[Any]:
    known = topic_named(topic)
    if event_type is not None and event_type not in known.types:
        expected = ", ".join(known.types)
        raise InvalidEvent(
            "wrong_type", f"ce_type {event_type[:_SHOWN]!r} on `{topic}`; it takes {expected}"
        )
    return _of_topic(topic, event_type)


@cache
def _of_topic(topic: str, event_type: str | None) -> msgspec.json.Decoder[Any]:
    types = topic_named(topic).types
    return msgspec.json.Decoder(types[event_type] if event_type else usual(topic_named(topic)))


@cache
def _plain(kind: type[Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def usual(topic: Topic) -> Any:
    """What a message without an envelope is: any of the tagged types, else the first type."""
    structs = list(topic.types.values())
    if all(struct.__struct_config__.tag for struct in structs):
        return reduce(or_, structs)
    return structs[0]
