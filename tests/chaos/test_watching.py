"""Kill -9 of those who watch the answers: each answer is judged once, and counted once."""

import asyncio
import random
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas.codec import decode_as
from schemas.evaluations import Evaluation
from tests.doubles.client import Client, eventually
from tests.doubles.copy import Copy
from tests.doubles.people import People
from tests.doubles.stack import TestStack
from tests.doubles.traffic import Traffic

RECOVERY_S = 150.0
KILLS = 3
QUESTIONS = 30
DISLIKED_AFTER = 40
"""Answers that people spoke of, each more than once: more events than a first reference takes."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wishes() -> dict[str, Any]:
    """Short windows, so that many close."""
    return {"monitor": {"window_s": 1.0, "lateness_s": 2.0, "alert_scale": 0.005}}


@pytest.fixture(scope="module")
def rated() -> set[str]:
    """Every question of whose answer somebody has said something, in all tests here."""
    return set()


async def test_killed_again_and_again_while_answers_are_judged(
    stack: TestStack, client: Client, rated: set[str]
) -> None:
    """Judge and monitor, amid questions and feedback, at moments of chance; sometimes before they
    have recovered."""
    chance = random.Random(13)
    traffic = Traffic(client, seed=13)
    people = People(client, traffic, seed=13)
    await client.shown(*await traffic.burst(10))
    async with people.talking():
        for _ in range(KILLS):
            asking = asyncio.create_task(traffic.questions(QUESTIONS))
            await asyncio.sleep(chance.uniform(0, 4))
            await asyncio.gather(*(struck(stack, role, chance) for role in ("judge", "monitor")))
            await asking
            people.liking = 0.0 if len(people.rated) > DISLIKED_AFTER else people.liking
    await assert_sound(stack, client, traffic, rated | set(people.rated))
    rated.update(people.rated)
    assert [one async for one in client.log.read("drift")]


async def test_a_judge_that_slept_through_its_session_judges_nothing_twice(
    stack: TestStack, client: Client, rated: set[str]
) -> None:
    """Another has its partitions when it wakes, in the middle of a batch."""
    traffic = Traffic(client, seed=21)
    people = People(client, traffic, seed=21)
    chance = random.Random(21)
    await client.shown(*await traffic.burst(10))
    async with people.talking():
        with Copy(stack, "judge") as copy:
            await asyncio.to_thread(copy.wait_ready)
            asking = asyncio.create_task(traffic.questions(QUESTIONS))
            await asyncio.sleep(chance.uniform(0, 4))
            copy.pause()
            await asyncio.sleep(1.5 * stack.settings.kafka.session_timeout_s)
            copy.resume()
            assert await asyncio.to_thread(copy.wait_ended) != 0
            await asking
    await assert_sound(stack, client, traffic, rated | set(people.rated))
    rated.update(people.rated)


async def struck(stack: TestStack, role: str, chance: random.Random) -> None:
    """Killed, perhaps killed again while it recovers, and up again."""
    pid = stack.kill(role)
    if chance.random() < 0.5:
        await asyncio.to_thread(
            stack.wait_until,
            lambda now: any(p.name == role and p.pid not in (None, pid) for p in now.parts),
            RECOVERY_S,
        )
        await asyncio.sleep(chance.uniform(0, 4))
        pid = stack.kill(role)
    await asyncio.to_thread(stack.wait_restarted, role, pid, RECOVERY_S)


async def assert_sound(stack: TestStack, client: Client, traffic: Traffic, rated: set[str]) -> None:
    """One response and one evaluation each, and each answer that was rated counts once."""
    await traffic.settle(RECOVERY_S)
    await eventually(lambda: is_judged(client), "every response to be judged", RECOVERY_S)
    assert traffic.asked
    assert await traffic.answered_otherwise_than_once() == {}
    report = await client.verify()
    assert (report.total, report.waiting) == (0, 0), report.faults
    counted = len(await judged(client) & rated)
    assert counted > 0
    await eventually(lambda: has_counted(stack, counted), f"{counted} to count", RECOVERY_S)
    await asyncio.sleep(3)
    assert await figures(stack, "freshet_feedback_agreement_pairs") == [counted]


async def is_judged(client: Client) -> bool:
    """Whether the judge has committed all that there is."""
    ends = await client.log.ends("responses")
    return await client.log.committed("freshet-judge", "responses") == ends


async def judged(client: Client) -> set[str]:
    """Questions of whose answers the judge could say whether they are grounded."""
    found = set[str]()
    async for record in client.log.read("evaluations"):
        evaluation = decode_as(Evaluation, record.value or b"")
        if any(one.name == "groundedness" and one.score is not None for one in evaluation.scores):
            found.add(evaluation.query_id)
    return found


async def has_counted(stack: TestStack, pairs: int) -> bool:
    """Whether the monitor has read all, and come to so many."""
    behind = await figures(stack, "freshet_worker_lag_events")
    return behind == [0] and await figures(stack, "freshet_feedback_agreement_pairs") == [pairs]


async def figures(stack: TestStack, name: str) -> list[float]:
    """What the monitor shows of a metric."""
    port = stack.settings.metrics.ports["monitor"]
    async with httpx.AsyncClient() as http:
        shown = await http.get(f"http://127.0.0.1:{port}/metrics")
    families = text_string_to_metric_families(shown.text)
    return [one.value for family in families for one in family.samples if one.name == name]
