"""A worker that is run over the past sees what there was, and changes nothing."""

import pytest

from streams.clients.kafka import Record
from streams.replay.pastlog import PastLog
from tests.doubles.log import MemoryLog


@pytest.fixture
def log() -> MemoryLog:
    found = MemoryLog(2, lambda: 5_000_000)
    for number in range(3):
        found.append("feedback", f"q{number}", b"%d" % number, (), number % 2)
    found.append("drift", "m", b"told", (), 1)
    return found


async def values(past: PastLog, topic: str) -> list[bytes | None]:
    return [record.value async for record in past.read(topic)]


async def test_what_comes_after_the_first_look_is_not_seen(log: MemoryLog) -> None:
    """So that all that is read is of one moment."""
    past = PastLog(log, ["drift"])
    assert await past.ends("feedback") == {0: 2, 1: 1}
    log.append("feedback", "q9", b"9", (), 0)
    assert await past.ends("feedback") == {0: 2, 1: 1}
    assert sorted(filter(None, await values(past, "feedback"))) == [b"0", b"1", b"2"]


async def test_what_the_worker_once_wrote_is_hidden_from_it(log: MemoryLog) -> None:
    """It begins as if it had never told anything."""
    past = PastLog(log, ["drift"])
    assert await values(past, "drift") == []
    for ask in (past.ends, past.starts):
        assert await ask("drift") == {0: 0, 1: 0}
    assert await past.since("drift", 0) == {0: 0, 1: 0}
    assert await past.since("feedback", 5001) == {0: 2, 1: 1}


async def test_what_it_writes_stays_here(log: MemoryLog) -> None:
    """In its order, and not a record reaches the log."""
    past = PastLog(log, ["drift"])
    await past.send("drift", "m", b"one", [("a", b"b")])
    await (await past.submit("alerts", None, b"two", (), 1))
    assert past.written == [
        Record("drift", 0, 0, b"m", b"one", [("a", b"b")]),
        Record("alerts", 1, 1, None, b"two", []),
    ]
    assert len(log.all("drift")) == 1
    assert log.all("alerts") == []


async def test_following_it_ends(log: MemoryLog) -> None:
    """Nothing comes any more."""
    past = PastLog(log, [])
    found = [record.value async for record in past.follow(["feedback"], start={"feedback": {0: 1}})]
    assert sorted(filter(None, found)) == [b"1", b"2"]
    assert [one async for one in past.follow(["feedback"], start="end")] == []
