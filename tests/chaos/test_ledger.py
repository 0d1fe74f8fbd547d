"""Kill -9 while tokens are reserved and settled: the ledger balances, and no budget is passed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from processors.builtin import built_in
from schemas.control import Budget, Quota
from streams.control import put
from tests.doubles.client import Client
from tests.doubles.copy import Copy
from tests.doubles.stack import TestStack
from tests.doubles.traffic import Traffic

RECOVERY_S = 150.0
BURST = 40
WAIT_S = 8.0
AT_ONCE = 6
PLENTY = 10_000_000
ROOM = 60_000
"""Tokens that all of a test's questions do not come to, and those of all tests do."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wishes() -> dict[str, Any]:
    """With two cores an answer takes a second."""
    return {"limits": {"quota_wait_s": WAIT_S}}


@pytest.mark.parametrize(
    "parts", [["admission"], ["answerer"], ["admission", "answerer"], ["kafka"]], ids="+".join
)
async def test_a_part_killed_while_tokens_are_held(
    stack: TestStack, client: Client, parts: list[str]
) -> None:
    """It comes back; every question is charged what its one response says, or nothing."""
    traffic = Traffic(client, seed=len(parts))
    await bounded(client, traffic)
    await client.shown(*await traffic.burst(10))
    async with amid_questions(client, traffic):
        pids = {part: stack.kill(part) for part in parts}
    for part, pid in pids.items():
        await asyncio.to_thread(stack.wait_restarted, part, pid, RECOVERY_S)
    await traffic.questions(BURST)
    await assert_balanced(client, traffic)


async def test_two_admission_workers_of_which_one_is_killed(
    stack: TestStack, client: Client
) -> None:
    """They share every bound, and the one that is left goes on with what both have held."""
    traffic = Traffic(client, seed=9)
    await bounded(client, traffic)
    await client.shown(*await traffic.burst(10))
    with Copy(stack, "admission") as copy:
        await asyncio.to_thread(copy.wait_ready)
        async with amid_questions(client, traffic):
            pid = stack.kill("admission")
        await asyncio.to_thread(stack.wait_restarted, "admission", pid, RECOVERY_S)
        async with amid_questions(client, traffic):
            copy.kill()
    await assert_balanced(client, traffic)


async def bounded(client: Client, traffic: Traffic) -> None:
    """Few requests at once, a rate that is used up, and money, for this tenant."""
    said = {"revision": 1, "by": "test", "why": "to see", "at": 1}
    who = {"tenant": traffic.own, **said}
    for event in (
        Quota(concurrent=AT_ONCE, tokens_per_minute=ROOM, **who),
        Budget(name=f"burst-{traffic.own}", unit="tokens", limit=PLENTY, burst=ROOM, **who),
        Budget(name=f"trial-{traffic.own}", unit="requests", limit=1, shadow=True, **who),
    ):
        await put(client.log, event, built_in("reader"))


@asynccontextmanager
async def amid_questions(client: Client, traffic: Traffic) -> AsyncIterator[None]:
    """Within the block some of many questions are answered and others hold tokens or wait."""
    before = set(traffic.asked)
    burst = asyncio.create_task(traffic.questions(BURST))
    await client.until(
        lambda: bool((traffic.asked - before) & client.responses.keys()),
        "the first of many responses",
    )
    yield
    await burst


async def assert_balanced(client: Client, traffic: Traffic) -> None:
    """One response to each question; and the checker, which knows nothing of the fold, finds no
    token missing and no bound passed at any record."""
    await traffic.settle(RECOVERY_S)
    assert await traffic.answered_otherwise_than_once() == {}
    came_to = Counter(client.responses[name][0].status for name in traffic.asked)
    assert came_to["answered"] + came_to["unanswerable"] > 0, came_to
    report = await client.verify()
    assert report.total == 0, report.faults
    assert report.open == 0
    assert report.ends >= came_to["answered"] + came_to["unanswerable"]
    assert report.bounds > 0
