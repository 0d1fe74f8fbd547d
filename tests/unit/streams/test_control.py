"""`control` changed by compare-and-set."""

import pytest
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from schemas.codec import encode
from schemas.control import Alias, Route, key_of
from schemas.examples import EXAMPLES
from streams.control import Conflict, changes, put, read_control
from tests.doubles.log import MemoryLog

ALIAS: Alias = replace(EXAMPLES[Alias], revision=1)  # type: ignore[assignment]
NAME = "prompt/answer@production"


async def test_who_is_second_is_told_and_changes_nothing() -> None:
    """Not even once the log is compacted, which keeps the last record of a key."""
    log = MemoryLog()
    await put(log, ALIAS)
    await put(log, replace(ALIAS, revision=2, target="answer@2", by="ben"))
    with pytest.raises(Conflict, match="by ben at the same time"):
        await put(log, replace(ALIAS, revision=2, target="answer@3"))
    for _ in range(2):
        assert (await read_control(log)).of(Alias)[NAME].target == "answer@2"
        log.compact("control")


async def test_a_change_that_another_follows_at_once_was_no_conflict() -> None:
    """Ours counted; theirs went on from it before we looked."""
    log = MemoryLog()
    theirs = replace(ALIAS, revision=2, by="ben")

    def follow(_: object) -> None:
        log.after_append = None
        log.append("control", key_of(theirs), encode(theirs))

    log.after_append = follow
    await put(log, ALIAS)
    assert (await read_control(log)).of(Alias)[NAME] == theirs


async def test_what_is_built_in_is_changed_like_anything_else() -> None:
    """Its first change has any revision."""
    log, base = MemoryLog(), built_in("reader")
    (route,) = (event for event in base if isinstance(event, Route))
    await put(log, replace(route, why="mine"), base)
    assert (await read_control(log, base)).of(Route)["default"].why == "mine"


async def test_unreadable_records_and_those_under_anothers_key_count_for_nothing() -> None:
    """Each is named, and the rest goes on."""
    log = MemoryLog()
    log.append("control", key_of(ALIAS), b"{}")
    log.append("control", key_of(ALIAS), None)
    log.append("control", "alias/prompt/other@production", encode(ALIAS))
    log.append("control", key_of(ALIAS), encode(ALIAS))
    control = Control()
    seen = [one async for one in changes(log, control)]
    assert sum(one.refused is not None for one in seen) == 3
    assert control.of(Alias) == {NAME: ALIAS}
