"""The watchdog: a loop that stood still is found out before anything else runs."""

import asyncio
import time

from streams.workers.watchdog import Watchdog


async def test_a_loop_that_runs_is_left_alone() -> None:
    """However long it runs."""
    found: list[float] = []
    Watchdog(0.5, found.append).start()
    for _ in range(8):
        await asyncio.sleep(0.1)
    assert found == []


async def test_a_stall_is_found_before_any_task_goes_on() -> None:
    """Also before one whose waiting ended in the meantime."""
    order: list[str] = []
    Watchdog(0.2, lambda _: order.append("found")).start()

    async def worker() -> None:
        await asyncio.sleep(0.05)
        order.append("worked")

    working = asyncio.create_task(worker())
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - the process is stopped
    await working
    assert order == ["found", "worked"]


async def test_it_says_for_how_long_nothing_ran() -> None:
    """And goes on watching."""
    now, found = [100.0], list[float]()
    watchdog = Watchdog(10.0, found.append, lambda: now[0])
    watchdog.start()
    for seconds in (2.0, 11.0, 3.0, 40.0):
        now[0] += seconds
        watchdog.beat()
    assert found == [11.0, 40.0]
