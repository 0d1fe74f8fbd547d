"""Versions of a judge, written to the log and given their shares."""

import pytest
from msgspec.structs import replace

from schemas.control import Calibration
from streams import judges
from streams.control import Conflict, put
from streams.errors import FreshetError
from tests.doubles.log import MemoryLog
from tests.doubles.opinions import GIVEN, empty_log

MADE = Calibration(
    name="words",
    version=2,
    method="platt",
    points=[(0.0, 0.1), (1.0, 0.9)],
    threshold=0.5,
    labels=40,
    revision=1,
    by="ana",
    why="test",
    at=GIVEN,
)


async def share_in(log: MemoryLog) -> float:
    found = (await judges.read_calibrations(log)).get("words", 2)
    assert found is not None
    return found.share


async def test_a_share_is_set_on_the_revision_in_force() -> None:
    """Again and again; the curve stays."""
    log = empty_log()
    await put(log, MADE)
    for part in (0.5, 1.0, 0.0):
        changed = await judges.share(log, "words", 2, part, by="ben", now=GIVEN + 1)
        assert await share_in(log) == changed.share == part
    assert changed.revision == 4
    assert (changed.points, changed.by) == (MADE.points, "ben")


async def test_who_is_second_is_told_and_changes_nothing() -> None:
    """Not even once the log is compacted, which keeps the last record of a key."""
    log = empty_log()
    await put(log, MADE)
    theirs = replace(MADE, revision=2, share=0.3, by="ben")
    mine = replace(MADE, revision=2, share=0.9)
    await put(log, theirs)
    with pytest.raises(Conflict, match="by ben at the same time"):
        await put(log, mine)
    assert await share_in(log) == 0.3
    log.compact("control")
    assert await share_in(log) == 0.3


async def test_a_version_that_is_not_there_or_removed_gets_no_share() -> None:
    """With where to look."""
    log = empty_log()
    with pytest.raises(FreshetError, match="words@2 does not exist; `freshet judge versions`"):
        await judges.share(log, "words", 2, 1.0, by="ana", now=0)
    await put(log, MADE)
    await put(log, replace(MADE, revision=2, removed=True))
    with pytest.raises(FreshetError, match="was removed"):
        await judges.share(log, "words", 2, 1.0, by="ana", now=0)
