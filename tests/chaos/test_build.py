"""Kill -9 while an index version is built from the log: it goes on, and nobody else notices."""

import asyncio
import json
from functools import partial

import pytest

from schemas.topics import changes_topic, progress_topic
from tests.doubles.client import Client, eventually
from tests.doubles.stack import TestStack
from tests.doubles.traffic import Traffic

NAME = "finer"
DOCUMENTS = 150
RECOVERY_S = 120.0

pytestmark = pytest.mark.timeout(500)


async def freshet(stack: TestStack, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    done = await asyncio.to_thread(partial(stack.freshet, *arguments, timeout=240))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def killed_amid(stack: TestStack, client: Client, part: str, topic: str) -> None:
    """Kill a part once it has written something more, and wait until it runs again."""
    before = sum((await client.log.ends(topic)).values())

    async def wrote() -> bool:
        return sum((await client.log.ends(topic)).values()) > before

    await eventually(wrote, f"{part} to write", RECOVERY_S)
    pid = stack.kill(part)
    await asyncio.to_thread(stack.wait_restarted, part, pid, RECOVERY_S)


async def test_an_indexer_and_a_writer_killed_while_they_build(
    stack: TestStack, client: Client
) -> None:
    """Both versions are what the log says, and every question has one answer."""
    traffic = Traffic(client, seed=7)
    await client.shown(*await traffic.burst(DOCUMENTS))
    async with traffic.flowing():
        cut = ("--chunk", "unit_max=150", "--why", "a trial")
        await freshet(stack, "index", "build", NAME, *cut, "--no-wait")
        more = asyncio.create_task(traffic.burst(DOCUMENTS))
        await killed_amid(stack, client, f"indexer@{NAME}", changes_topic(NAME))
        await killed_amid(stack, client, f"writer@{NAME}", progress_topic(NAME))
        await more
        assert "whole" in await freshet(stack, "index", "build", NAME)
    await traffic.settle(RECOVERY_S)
    assert await traffic.answered_otherwise_than_once() == {}
    assert await traffic.lost() == {}
    reports = (await freshet(stack, "verify", "--json")).splitlines()
    faults = {one["index_version"]: one["counts"] for one in map(json.loads, reports)}
    assert faults.keys() == {"v1", NAME}
    assert sum(count for counts in faults.values() for count in counts.values()) == 0
