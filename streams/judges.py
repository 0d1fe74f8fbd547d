"""Versions of a judge in `control`: given their shares."""

from msgspec.structs import replace

from processors.feedback.versions import Calibrations
from schemas.control import Calibration
from streams.clients.kafka import LogClient
from streams.control import put, read_control
from streams.errors import FreshetError


async def read_calibrations(log: LogClient) -> Calibrations:
    """The calibrations as they stand now."""
    return Calibrations(await read_control(log))


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
