"""Versions of a judge in `control`: read, made and given their shares."""

from typing import NoReturn

from msgspec.structs import replace

from processors.feedback.versions import Calibrations
from schemas.codec import InvalidEvent, decode, encode
from schemas.control import Calibration, key_of
from schemas.envelope import Envelope, InvalidEnvelope, headers
from schemas.topics import type_of
from streams.clients.kafka import LogClient, Record
from streams.errors import FreshetError

TOPIC = "control"
SOURCE = "freshet/cli"


class Conflict(FreshetError):
    """Somebody else changed the same version at the same time, and was first."""


async def read_calibrations(log: LogClient) -> Calibrations:
    """The calibrations as they stand now."""
    found = Calibrations()
    async for record in log.read(TOPIC):
        if (calibration := calibration_in(record)) is not None:
            found.observe(calibration)
    return found


def calibration_in(record: Record) -> Calibration | None:
    """The calibration in a record of `control`; None for all else, and for what is no event."""
    try:
        event = decode(TOPIC, record.value, Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None
    if not isinstance(event, Calibration) or record.key != key_of(event).encode():
        return None
    return event


async def put(log: LogClient, change: Calibration) -> None:
    """Write a change, and see that it counts.

    Raises:
        Conflict: it does not.
    """
    await _send(log, change)
    counts = (await read_calibrations(log)).get(change.name, change.version)
    if counts != change:
        # Compaction keeps the last record of a key: let that be the one that counts.
        if counts is not None:
            await _send(log, counts)
        _lost(change, counts)


async def share(
    log: LogClient, name: str, version: int, part: float, *, by: str, now: int
) -> Calibration:
    """Let a version judge this share of the answers.

    Raises:
        FreshetError: there is no such version, or it was removed.
        Conflict: somebody else was first.
    """
    before = (await read_calibrations(log)).get(name, version)
    if before is None or before.removed:
        what = "was removed" if before else "does not exist"
        raise FreshetError(f"{name}@{version} {what}; `freshet judge versions` shows what there is")
    why = f"share set to {part:g}"
    change = replace(before, revision=before.revision + 1, share=part, by=by, why=why, at=now)
    await put(log, change)
    return change


async def _send(log: LogClient, change: Calibration) -> None:
    name = headers(type_of(change), source=SOURCE, time=change.at)
    await log.send(TOPIC, key_of(change), encode(change), name)


def _lost(change: Calibration, counts: Calibration | None) -> NoReturn:
    who = "nobody" if counts is None else counts.by
    raise Conflict(
        f"{change.name}@{change.version} was changed by {who} at the same time, and that counts; "
        "look at `freshet judge versions`, then run this again if it is still wanted"
    )
