"""The ledger, followed live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from processors.ledger.windows import LENGTH
from schemas.codec import encode
from schemas.control import Budget, key_of
from schemas.usage import UsageEvent
from streams.clients.kafka import Position
from streams.views.control import ControlView
from streams.views.ledger import PARTITION, LedgerView
from tests.doubles.log import MemoryLog
from tests.topology.roles import ManualClock, turns
from tests.unit.processors.ledger.entries import charge, released, reserved, settled

BOUND = charge(limit=100)
WHO: dict[str, Any] = {"revision": 1, "by": "ana", "why": "first", "at": 1}


class Ledgers:
    """A log, and views of it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog(2, self.clock)

    def write(self, event: UsageEvent, partition: int = PARTITION) -> Position:
        """An entry, by whomever."""
        return self.log.append("usage", event.tenant, encode(event), partition=partition)

    @asynccontextmanager
    async def view(self) -> AsyncIterator[LedgerView]:
        """One more that follows the log."""
        control = ControlView(self.log)
        view = LedgerView(self.log, control, self.clock)
        await control.start()
        await view.start()
        try:
            yield view
        finally:
            await view.stop()
            await control.stop()


@pytest.fixture
def ledgers() -> Ledgers:
    return Ledgers()


async def test_what_there_is_counts_and_what_comes(ledgers: Ledgers) -> None:
    """In one order, and nothing twice."""
    ledgers.write(reserved("q1", 60, BOUND))
    async with ledgers.view() as view:
        assert view.ledger.standing(BOUND, view.now()).held == 60
        ledgers.write(settled("q1", 10))
        ledgers.write(reserved("q2", 90, BOUND))
        await turns()
        assert view.ledger.standing(BOUND, view.now())[:2] == (10, 90)


async def test_what_comes_while_a_view_starts_is_not_missed(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading and the following."""
    ends = ledgers.log.ends

    async def late(topic: str) -> dict[int, int]:
        if topic == "usage":
            ledgers.write(reserved(f"q{len(ledgers.log.all('usage'))}", 1))
        return await ends(topic)

    monkeypatch.setattr(ledgers.log, "ends", late)
    async with ledgers.view() as view:
        await turns()
        assert len(view.ledger.holds) == len(ledgers.log.all("usage")) > 1


async def test_every_view_comes_to_the_same_verdict(ledgers: Ledgers) -> None:
    """By the place in the log, whoever wrote it."""
    async with ledgers.view() as one, ledgers.view() as other:
        first = await one.reserve(reserved("q1", 60, BOUND), "/test")
        second = await other.reserve(reserved("q2", 60, BOUND), "/test")
        verdicts = await asyncio.gather(first, second)
        assert [verdict.granted for verdict in verdicts] == [60, None]
        assert set(one.ledger.holds) == set(other.ledger.holds) == {"q1"}


async def test_what_no_longer_counts_is_not_read(ledgers: Ledgers) -> None:
    """How far back that is depends on the windows of the budgets."""
    ledgers.write(reserved("old", 60, charge("weekly", window="week", limit=100)))
    ledgers.write(settled("old", 60))
    ledgers.clock.advance(3 * LENGTH["day"])
    ledgers.write(reserved("young", 1))
    async with ledgers.view() as view:
        assert view.ledger.accounts == {}
        assert set(view.ledger.holds) == {"young"}
    budget = Budget(name="weekly", unit="tokens", limit=100, window="week", **WHO)
    ledgers.log.append("control", key_of(budget), encode(budget))
    async with ledgers.view() as view:
        (account,) = view.ledger.accounts.values()
        assert account.used(view.now()) == 60


async def test_records_that_say_nothing_are_passed_over(ledgers: Ledgers) -> None:
    """Nobody can read them, or they are not where the ledger is."""
    for value in (None, b"{", b'{"kind":"reserved"}', b"\xff"):
        ledgers.log.append("usage", "acme", value, partition=PARTITION)
    ledgers.write(reserved("elsewhere", 1), partition=1)
    ledgers.write(reserved("q1", 60, BOUND))
    async with ledgers.view() as view:
        ledgers.write(reserved("elsewhere still", 1), partition=1)
        await turns()
        assert set(view.ledger.holds) == {"q1"}


async def test_listeners_hear_of_entries_that_count_already(ledgers: Ledgers) -> None:
    """Whatever they look at in the ledger is up to date."""
    heard: list[tuple[str, bool]] = []
    async with ledgers.view() as view:
        view.listen(lambda e: heard.append((e.request_id, e.request_id in view.ledger.holds)))
        ledgers.write(reserved("q1", 60, BOUND))
        ledgers.write(released("q1"))
        await turns()
    assert heard == [("q1", True), ("q1", False)]


async def test_a_reservation_that_does_not_reach_the_log_has_no_verdict(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for it hears why."""
    failing: asyncio.Future[Position] = asyncio.get_running_loop().create_future()

    async def submit(*_: Any) -> asyncio.Future[Position]:
        return failing

    async with ledgers.view() as view:
        monkeypatch.setattr(ledgers.log, "submit", submit)
        verdict = await view.reserve(reserved("q1", 60, BOUND), "/test")
        failing.set_exception(TimeoutError("no broker"))
        with pytest.raises(TimeoutError, match="no broker"):
            await verdict


async def test_a_following_that_ends_ends_the_waiting(ledgers: Ledgers) -> None:
    """And `check` says why."""
    ended = asyncio.Event()

    def fail(_: UsageEvent) -> None:
        raise OSError("broken")

    control = ControlView(ledgers.log)
    view = LedgerView(ledgers.log, control, ledgers.clock)
    await control.start()
    await view.start(failed=ended.set)
    view.listen(fail)
    ledgers.write(reserved("q1", 1))
    verdict = await view.reserve(reserved("q2", 1), "/test")
    with pytest.raises(OSError, match="broken"):
        await verdict
    await ended.wait()
    with pytest.raises(OSError, match="broken"):
        view.check()
    await view.stop()
    await control.stop()


async def test_time_goes_on_between_records(ledgers: Ledgers) -> None:
    """And never back, whatever this machine's clock says."""
    async with ledgers.view() as view:
        assert view.now() == ledgers.clock()
        ledgers.clock.advance(5_000_000)
        ledgers.write(reserved("q1", 1))
        await turns()
        latest = view.ledger.now
        ledgers.clock.advance(-9_000_000)
        assert view.now() == latest
