"""`control` as a file: one event a line, from one environment to another."""

from collections.abc import Iterable, Iterator

import msgspec

from processors.control import Control
from processors.promotion import KINDS, Step, steps
from schemas.codec import encode
from schemas.control import ControlEvent
from streams.clients.kafka import LogClient
from streams.control import put, read_control
from streams.errors import FreshetError
from streams.said import Said


class InvalidFile(FreshetError):
    """A file that cannot be taken in; the message names the line."""


def lines(events: Iterable[ControlEvent]) -> Iterator[str]:
    """Events as lines of JSON."""
    return (encode(event).decode() for event in events)


def parsed(text: str) -> list[ControlEvent]:
    """The events of a file. Raises InvalidFile."""
    numbered = enumerate(text.split("\n"), 1)
    return [_event(number, line) for number, line in numbered if line.strip()]


async def planned(
    log: LogClient, events: Iterable[ControlEvent], built_in: Iterable[ControlEvent], said: Said
) -> list[Step]:
    """What taking in these events would come to now."""
    control: Control = await read_control(log, built_in)
    return steps(control, events, **said._asdict())


async def carried_out(
    log: LogClient, plan: Iterable[Step], built_in: Iterable[ControlEvent]
) -> list[str]:
    """Write what a plan changes, one by one; gives the keys.

    Raises:
        Conflict: somebody changed one of them since it was planned. What came before it in the plan
            is in force; to take the file in again goes on from there.
    """
    known, written = list(built_in), []
    for step in plan:
        if step.outcome in ("new", "changed"):
            await put(log, step.event, known)
            written.append(step.key)
    return written


def _event(number: int, line: str) -> ControlEvent:
    try:
        event: ControlEvent = msgspec.json.decode(line, type=ControlEvent)
    except msgspec.DecodeError as error:
        raise InvalidFile(f"line {number}: {error}") from None
    if not isinstance(event, tuple(KINDS.values())):
        kind = type(event).__struct_config__.tag
        raise InvalidFile(f"line {number}: a {kind} is its environment's own; leave it out")
    return event
