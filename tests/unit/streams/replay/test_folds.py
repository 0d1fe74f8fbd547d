"""An index's past and what was in force, folded from a log as it is."""

import pytest

from processors.index import Access
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.control import Tenant, key_of
from schemas.index import IndexTick
from streams.replay.folds import ChangesGone, read_control, read_past
from streams.replay.source import LogSource
from tests.doubles.library import Library, vector
from tests.doubles.log import MemoryLog

SPEC = IndexSpec()
ANYBODY = Access()


@pytest.fixture
def log() -> MemoryLog:
    """A document changed at 10, 20 and 30 in one partition; another that is idle up to 25."""
    made, library = MemoryLog(2), Library()
    for at, word in ((10, "one"), (20, "two"), (30, "six")):
        for part in library.put("d", {"p": [word]}, at):
            made.append("index.changes", "d", encode(part), partition=0)
    for at in (5, 25):
        tick = IndexTick(index_version="v1", index_time=at, applied=-1)
        made.append("index.changes", None, encode(tick), partition=1)
    return made


async def test_the_past_is_read_as_far_as_it_is_asked_for(log: MemoryLog):
    """What came later is not in it."""
    past = await read_past(LogSource(log), SPEC, until=20)
    assert (await past.index.passages(["d/p"], 20, ANYBODY))["d/p"].text == "two"
    assert past.known_to == {0: 20, 1: 5}
    assert past.applied.at(20) == {"documents/0": 20}


async def test_without_an_end_all_of_it_is_read(log: MemoryLog):
    """Every moment of it can be searched."""
    past = await read_past(LogSource(log), SPEC)
    for at, word in ((10, "one"), (29, "two"), (30, "six")):
        (hit,) = await past.index.search_units(vector(word), at, ANYBODY, 5)
        assert hit.unit_id == f"d/p/{word}"


async def test_a_partition_that_ends_too_early_is_told(log: MemoryLog):
    """It may still have something to say of that time."""
    with pytest.raises(ChangesGone, match="does not reach"):
        await read_past(LogSource(log), SPEC, until=26)


async def test_changes_without_their_beginning_are_told(log: MemoryLog):
    """Retention has taken it."""
    log.trim("index.changes", 0, 1)
    with pytest.raises(ChangesGone, match=r"index\.changes/0 begins at offset 1"):
        await read_past(LogSource(log), SPEC)


async def test_what_is_no_event_of_this_version_is_passed_over(log: MemoryLog):
    """Whoever wrote it."""
    log.append("index.changes", "x", b"no json", partition=0)
    log.append("index.changes", "x", None, partition=0)
    other = IndexTick(index_version="other", index_time=99, applied=7)
    log.append("index.changes", None, encode(other), partition=0)
    past = await read_past(LogSource(log), SPEC)
    assert past.known_to == {0: 30, 1: 25}


async def test_control_is_read_as_it_was_at_a_time():
    """What was changed at that time or later does not count."""
    now = 0
    log = MemoryLog(2, lambda: now * 1000)
    for now in (1, 2):
        tenant = Tenant(name=f"t{now}", revision=1, by="ana", why="test", at=now)
        log.append("control", key_of(tenant), encode(tenant))
    source = LogSource(log)
    assert set((await read_control(source)).of(Tenant)) == {"t1", "t2"}
    assert set((await read_control(source, until_ms=2)).of(Tenant)) == {"t1"}
