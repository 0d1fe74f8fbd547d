"""The audit trail: every attempt to change something, and what became of it."""

import asyncio
import json
from itertools import count

import msgspec
import pytest
from msgspec.structs import replace

from processors.builtin import built_in
from schemas.codec import encode
from schemas.control import Alias, ApiKey, ControlEvent, Tenant, key_of
from schemas.examples import EXAMPLES
from streams.audit import Chosen, Entry, following, shown, trail
from streams.control import send
from streams.workers.steward import StewardHandler
from tests.doubles.log import MemoryLog
from tests.topology.roles import Group, Role

BASE = built_in("reader")
TENANT = EXAMPLES[Tenant]
KEY = EXAMPLES[ApiKey]
SECOND = 1_000_000


@pytest.fixture
def log() -> MemoryLog:
    """Its broker's clock goes on a second with each record."""
    ticks = count(1)
    return MemoryLog(clock=lambda: next(ticks) * SECOND)


def outcomes(entries: list[Entry]) -> list[tuple[str, str, str]]:
    """Key, author and outcome of each."""
    return [(one.key, one.by, one.outcome) for one in entries]


async def steward(log: MemoryLog) -> None:
    """Let the steward look at each change."""
    role = Role(lambda: StewardHandler(log, lambda: 9, BASE), Group(log, "control"), log.partitions)
    await role.start()
    await role.drain()


async def test_each_change_is_told_with_what_it_changed(log: MemoryLog) -> None:
    """In the order of the log's time, whichever partition it lies in."""
    assert isinstance(TENANT, Tenant)
    assert isinstance(KEY, ApiKey)
    await send(log, TENANT)
    await send(log, KEY)
    await send(log, replace(TENANT, revision=2, by="ben", suspended=True))
    await send(log, replace(KEY, revision=2, by="eve", removed=True))
    found = await trail(log, BASE)
    assert outcomes(found) == [
        (key_of(TENANT), TENANT.by, "made"),
        (key_of(KEY), KEY.by, "made"),
        (key_of(TENANT), "ben", "changed"),
        (key_of(KEY), "eve", "removed"),
    ]
    assert [one.at for one in found] == [SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND]
    assert [(c.field, c.before, c.after) for c in found[2].changes] == [("suspended", None, True)]


async def test_what_was_refused_is_told_with_the_reason_and_its_author(log: MemoryLog) -> None:
    """Once each, whether or not the steward has seen it; what it says again is no change."""
    await send(log, TENANT)
    await send(log, replace(TENANT, revision=5, by="ben"))
    log.append("control", key_of(TENANT), b"{")
    log.append("control", b"\xff", encode(TENANT), partition=0)
    before = await trail(log, BASE)
    await steward(log)
    after = await trail(log, BASE)
    assert outcomes(before) == outcomes(after)
    assert [(one.by, one.outcome) for one in after] == [
        (TENANT.by, "made"),
        ("ben", "refused"),
        ("?", "refused"),
        (TENANT.by, "refused"),
    ]
    assert "revision 1" in after[1].reason


async def test_what_compaction_took_is_told_from_the_dead_letters(log: MemoryLog) -> None:
    """Those are kept longer than what they were put aside from."""
    await send(log, TENANT)
    await send(log, replace(TENANT, revision=5, by="ben"))
    await steward(log)
    log.compact("control")
    assert [(one.by, one.outcome) for one in await trail(log, BASE)] == [
        ("ben", "refused"),
        (TENANT.by, "made"),
    ]


async def test_what_is_built_in_is_what_the_first_change_changes(log: MemoryLog) -> None:
    """Its author is not asked for a reason; who moves it is."""
    alias = next(event for event in BASE if isinstance(event, Alias))
    await send(log, replace(alias, revision=1, by="ana", target="answer@7"))
    (entry,) = await trail(log, BASE)
    changed = {change.field: change.after for change in entry.changes}
    assert (entry.outcome, changed["target"]) == ("changed", "answer@7")


async def test_no_hash_is_ever_shown(log: MemoryLog) -> None:
    """Neither of a key that counts, nor of one that was refused."""
    assert isinstance(KEY, ApiKey)
    await send(log, KEY)
    await send(log, replace(KEY, revision=7, hash="f" * 64, by="eve"))
    await steward(log)
    for entry in await trail(log, BASE):
        for as_json in (True, False):
            line = shown(entry, as_json=as_json)
            assert KEY.hash not in line
            assert "f" * 64 not in line


async def test_entries_are_chosen_by_time_author_and_key(log: MemoryLog) -> None:
    """All of what is asked for."""
    for event in (TENANT, KEY):
        await send(log, event)
    await send(log, replace(TENANT, revision=2, by="ben"))
    found = await trail(log, BASE)

    def chosen(choice: Chosen) -> list[int]:
        return [one.revision for one in found if choice.takes(one)]

    assert chosen(Chosen(prefix="tenant/")) == [1, 2]
    assert chosen(Chosen(who="ben")) == [2]
    assert chosen(Chosen(since=2 * SECOND)) == [1, 2]
    assert chosen(Chosen(since=2 * SECOND, prefix="key/", who="ben")) == []


async def test_what_comes_is_followed_without_a_gap_or_a_repetition(log: MemoryLog) -> None:
    """From what there was when it began."""
    await send(log, TENANT)
    begun: list[Entry] = []

    def begin(entries: list[Entry]) -> None:
        begun.extend(entries)
        log.append("control", key_of(TENANT), encode(replace(TENANT, revision=2)))

    follow = following(log, BASE, begin)
    second = asyncio.ensure_future(anext(follow))
    entry = await second
    await send(log, replace(TENANT, revision=9))
    third = await anext(follow)
    await follow.aclose()
    assert [one.revision for one in begun] == [1]
    assert (entry.revision, entry.outcome) == (2, "changed")
    assert (third.revision, third.outcome) == (9, "refused")


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\x1b[2Jb", "a\u202eb", "a\u2028b"])
async def test_what_others_wrote_gives_a_terminal_no_orders(log: MemoryLog, text: str) -> None:
    """And stays on its line."""
    await send(log, replace(TENANT, by="x", why=text))
    (entry,) = await trail(log, BASE)
    line = shown(entry, as_json=False)
    assert len(line.split("\t")) == 6
    assert line.replace("\t", "").isprintable()
    assert json.loads(shown(entry, as_json=True))["why"] == text


def test_every_kind_of_change_can_be_told() -> None:
    """As a line, and as JSON."""
    for event in EXAMPLES.values():
        if isinstance(event, ControlEvent):
            log = MemoryLog()
            asyncio.run(send(log, event))
            (entry,) = asyncio.run(trail(log))
            assert json.loads(shown(entry, as_json=True))["key"] == key_of(event)
            assert msgspec.json.encode(entry.changes)
