"""Kill -9 while documents and questions flow: nothing is lost, nothing is there twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.doubles.client import Client
from tests.doubles.copy import Copy
from tests.doubles.stack import TestStack
from tests.doubles.traffic import Traffic

RECOVERY_S = 150.0
BURST = 120
QUESTIONS = 40

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("part", ["indexer", "writer"])
async def test_a_worker_killed_while_documents_are_half_indexed(
    stack: TestStack, client: Client, part: str
) -> None:
    """It comes back, the index is what the log says, and every question has one response."""
    traffic = Traffic(client, seed=1)
    async with traffic.flowing():
        async with amid_documents(client, traffic):
            pid = stack.kill(part)
        await restarted(stack, part, pid)
    await assert_sound(client, traffic)


@pytest.mark.parametrize("part", ["answerer", "admission"])
async def test_a_worker_killed_while_questions_are_half_answered(
    stack: TestStack, client: Client, part: str
) -> None:
    """It comes back, and every question has one response, whatever that response is."""
    traffic = Traffic(client, seed=2)
    async with traffic.flowing():
        await client.shown(*await traffic.burst(10))
        async with amid_questions(client, traffic):
            pid = stack.kill(part)
        await restarted(stack, part, pid)
    await assert_sound(client, traffic)


@pytest.mark.parametrize("part", ["milvus", "triton", "kafka"])
async def test_a_server_killed_while_both_are_half_done(
    stack: TestStack, client: Client, part: str
) -> None:
    """It comes back, nothing is lost on either side of it, and nothing is there twice."""
    traffic = Traffic(client, seed=6)
    async with traffic.flowing():
        await client.shown(*await traffic.burst(10))
        async with amid_questions(client, traffic), amid_documents(client, traffic):
            pid = stack.kill(part)
        await restarted(stack, part, pid)
    await assert_sound(client, traffic)


async def test_everything_killed_at_once(stack: TestStack, client: Client) -> None:
    """As when the machine stops, but for what the disk had not written yet."""
    traffic = Traffic(client, seed=3)
    async with traffic.flowing():
        async with amid_documents(client, traffic):
            found = stack.status()
            assert found is not None
            pids = {part.name: stack.kill(part.name) for part in found.parts}
        for name, pid in pids.items():
            await restarted(stack, name, pid)
    await assert_sound(client, traffic)


@pytest.mark.parametrize("role", ["indexer", "writer", "answerer"])
async def test_two_copies_of_a_role_share_the_work_and_take_over(
    stack: TestStack, client: Client, role: str
) -> None:
    """A second copy joins, the first is killed and comes back, the second is killed for good."""
    traffic = Traffic(client, seed=4)
    async with traffic.flowing():
        with Copy(stack, role) as copy:
            await asyncio.to_thread(copy.wait_ready)
            async with amid_documents(client, traffic), amid_questions(client, traffic):
                pid = stack.kill(role)
            await restarted(stack, role, pid)
            async with amid_documents(client, traffic), amid_questions(client, traffic):
                copy.kill()
    await assert_sound(client, traffic)


@pytest.mark.parametrize("role", ["indexer", "writer", "answerer"])
async def test_a_worker_that_slept_through_its_session_does_no_more_harm(
    stack: TestStack, client: Client, role: str
) -> None:
    """Another has its partitions when it wakes; what it had half done it must leave alone."""
    traffic = Traffic(client, seed=5)
    async with traffic.flowing():
        with Copy(stack, role) as copy:
            await asyncio.to_thread(copy.wait_ready)
            async with amid_documents(client, traffic), amid_questions(client, traffic):
                copy.pause()
            await asyncio.sleep(1.5 * stack.settings.kafka.session_timeout_s)
            copy.resume()
            assert await asyncio.to_thread(copy.wait_ended) != 0
    await assert_sound(client, traffic)


@asynccontextmanager
async def amid_documents(client: Client, traffic: Traffic) -> AsyncIterator[None]:
    """Within the block some of many documents are indexed and others are not."""
    before = set(traffic.writes)
    burst = asyncio.create_task(traffic.burst(BURST))
    await client.until(
        lambda: any(client.progress.shown_at(*at[1:]) for at in traffic.writes.keys() - before),
        "the first of many documents to be indexed",
    )
    yield
    await burst


@asynccontextmanager
async def amid_questions(client: Client, traffic: Traffic) -> AsyncIterator[None]:
    """Within the block some of many questions are answered and others are not."""
    before = set(traffic.asked)
    burst = asyncio.create_task(traffic.questions(QUESTIONS))
    await client.until(
        lambda: bool((traffic.asked - before) & client.responses.keys()),
        "the first of many responses",
    )
    yield
    await burst


async def restarted(stack: TestStack, part: str, pid: int) -> None:
    """Wait until the supervisor has a part running again."""
    await asyncio.to_thread(stack.wait_restarted, part, pid, RECOVERY_S)


async def assert_sound(client: Client, traffic: Traffic) -> None:
    """What was acknowledged is there, once, and the index agrees with the log."""
    await traffic.settle(RECOVERY_S)
    assert traffic.writes
    assert traffic.asked
    assert await traffic.lost() == {}
    assert await traffic.answered_otherwise_than_once() == {}
    report = await client.verify()
    assert report.total == 0, report.faults
