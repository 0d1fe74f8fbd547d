"""`control`: read, and changed by compare-and-set."""

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from processors.control import Control, unsound
from schemas.codec import InvalidEvent, decode, encode
from schemas.control import ControlEvent, key_of
from schemas.envelope import Envelope, InvalidEnvelope, headers
from schemas.topics import type_of
from streams.clients.kafka import LogClient, Record
from streams.errors import FreshetError

TOPIC = "control"
CLI = "freshet/cli"


class Conflict(FreshetError):
    """Somebody else changed the same thing at the same time, and was first."""


class Seen(NamedTuple):
    """A record of `control`, and what became of it."""

    record: Record
    event: ControlEvent | None
    """The change that it makes; None where it makes none, since it cannot be read, does not count,
    or says what is in force."""
    refused: InvalidEvent | InvalidEnvelope | None
    """Why it does not count."""


def take(control: Control, record: Record) -> Seen:
    """Fold a record into what is in force."""
    try:
        event = event_in(record)
    except (InvalidEvent, InvalidEnvelope) as error:
        return Seen(record, None, error)
    if control.get(key_of(event)) == event:
        return Seen(record, None, None)
    refused = control.observe(event)
    if refused is not None:
        return Seen(record, None, InvalidEvent("conflict", refused))
    return Seen(record, event, None)


def event_in(record: Record) -> ControlEvent:
    """The change that a record makes.

    Raises:
        InvalidEvent: it is none, lies under another's key, or is unsound.
        InvalidEnvelope: its headers make no sense.
    """
    event = decode(TOPIC, record.value, Envelope.from_headers(record.headers))
    assert isinstance(event, ControlEvent)
    if record.key != key_of(event).encode():
        raise InvalidEvent("invalid", f"the record's key is not {key_of(event)!r}")
    if wrong := unsound(event):
        raise InvalidEvent("invalid", wrong)
    return event


async def changes(log: LogClient, control: Control) -> AsyncIterator[Seen]:
    """Every record there is now, folded into `control` as it comes."""
    async for record in log.read(TOPIC):
        yield take(control, record)


async def read_control(log: LogClient, built_in: Iterable[ControlEvent] = ()) -> Control:
    """What is in force now."""
    control = Control(built_in)
    async for _ in changes(log, control):
        pass
    return control


async def put(log: LogClient, change: ControlEvent, built_in: Iterable[ControlEvent] = ()) -> None:
    """Write a change, and see that it counts.

    Raises:
        Conflict: it does not.
    """
    landed = await send(log, change)
    control, refused = Control(built_in), None
    async for seen in changes(log, control):
        if (seen.record.partition, seen.record.offset) == landed:
            refused = seen.refused
    if refused is not None:
        counts = control.get(key_of(change))
        if counts is not None:
            await send(log, counts)
        who = "nobody" if counts is None else counts.by
        raise Conflict(
            f"{key_of(change)} was changed by {who} at the same time, and that counts ({refused}); "
            "look at it, then run this again if it is still wanted"
        )


async def send(log: LogClient, change: ControlEvent, source: str = CLI) -> tuple[int, int]:
    """Write a change; gives the partition and offset where it landed.

    Written again, what is in force changes nothing; but compaction, which keeps the last record
    of a key, then keeps the one that counts.
    """
    name = headers(type_of(change), source=source, time=change.at)
    position = await log.send(TOPIC, key_of(change), encode(change), name)
    return position.partition, position.offset
