"""Routes on the real parts: set from the command line, live at once, no answer lost or torn."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from processors.builtin import built_in
from schemas.codec import encode
from schemas.control import Branch, PromptVersion, Route, key_of
from schemas.evaluations import Evaluation
from schemas.responses import Response
from streams.config import Settings
from streams.control import put, read_control
from tests.doubles.client import Client, eventually
from tests.doubles.stack import TestStack
from tests.integration.test_quality import all_of

LAMP = "# Lamp\n\nThe lamp of {own} was lit in 1901 by Ada Brown. It burns oil.\n"
TEMPLATE = """Be brief, and say only what a passage says.

{{passages}}

Question: {{question}}

Answer:"""
ROUNDS = 6


def freshet(stack: TestStack, *arguments: str) -> Any:
    """What a command of `freshet routes` says, as JSON."""
    done = stack.freshet("routes", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
async def brief(client: Client, settings: Settings, own: str) -> str:
    """A document of the tenant's, and a second prompt; gives the prompt's version."""
    await client.put_shown(f"{own}/lamp.md", LAMP.format(own=own), title="Lamp", acl=[own])
    prompt = PromptVersion(
        name=own, version=1, template=TEMPLATE, revision=1, by="test", why="test", at=1
    )
    await put(client.log, prompt, built_in(settings.triton.reader))
    return f"{own}@1"


@pytest.fixture
async def route(stack: TestStack, own: str, brief: str) -> AsyncIterator[dict[str, Any]]:
    """The tenant's own: two branches of a half each, and one unseen."""
    why = ("--why", "a test")
    branches = ("--branch", "main:share=0.5", "--branch", f"brief:share=0.5,prompt={brief}")
    made = freshet(stack, "set", own, *branches, "--tenant", own, *why)
    freshet(stack, "shadow", own, "unseen", "--prompt", brief, "--top-k", "1", *why)
    yield made
    freshet(stack, "remove", own, *why)


async def is_live(client: Client, own: str, way: str, **fields: Any) -> None:
    """Wait until questions go a way."""

    async def asked() -> bool:
        return (await client.ask("Who lit the lamp?", tenant=own, **fields)).route == way

    await eventually(asked, f"questions to go by {way}")


async def answers(client: Client, own: str, sessions: Sequence[str]) -> list[Response]:
    """Two questions of each session."""
    asked = [
        client.ask("Who lit the lamp?", tenant=own, session_id=session)
        for session in sessions
        for _ in range(2)
    ]
    return list(await asyncio.gather(*asked))


async def test_sessions_are_shared_out_and_shadows_judged_unseen(
    client: Client, stack: TestStack, own: str, brief: str, route: dict[str, Any]
) -> None:
    """Each session by one branch; beside each answer one that nobody is given; all compared."""
    await eventually(lambda: _differs(client, own), "the route to be live")
    found = await answers(client, own, [f"s{at}" for at in range(10)])
    assert [one.status for one in found] == ["answered"] * 20
    ways = [{one.route for one in found[at : at + 2]} for at in range(0, 20, 2)]
    assert all(len(way) == 1 for way in ways)
    assert set().union(*ways) == {f"{own}/main", f"{own}/brief"}
    for one in found:
        assert one.receipt is not None
        assert one.receipt.route == one.route
        assert one.receipt.model == "extractive@2"
        assert one.receipt.prompt == (brief if one.route == f"{own}/brief" else "answer@1")
        unseen = await client.response(f"{one.query_id}~unseen")
        assert (unseen.shadow_of, unseen.route) == (one.query_id, f"{own}/unseen")
    await eventually(lambda: _judged(client, own, 2 * len(found)), "all of them to be judged")
    told = freshet(stack, "results", own)
    branches = {one["name"]: one for one in told["branches"]}
    assert set(branches) == {"main", "brief", "unseen"}
    assert branches["unseen"]["answers"] >= len(found)
    assert branches["unseen"]["retrieval"]["overlap"]["value"] > 0
    assert {one["figure"] for one in branches["brief"]["differences"]} >= {
        "answered",
        "groundedness",
        "latency_ms",
        "tokens",
    }


async def test_a_switch_to_and_fro_loses_and_tears_no_answer(
    client: Client, stack: TestStack, own: str, brief: str, route: dict[str, Any]
) -> None:
    """Questions flow while shares are shifted: one answer each, wholly one way or wholly the
    other."""
    asked: list[str] = []
    is_over = asyncio.Event()

    async def flow() -> None:
        while not is_over.is_set():
            asked.append(await client.send_query("Who lit the lamp?", tenant=own))
            await asyncio.sleep(0.4)

    flowing = asyncio.create_task(flow())
    try:
        for at in range(ROUNDS):
            shift = ("shift", own, "brief", str(at % 2), "--why", "to and fro")
            await asyncio.to_thread(freshet, stack, *shift)
            way = f"{own}/{'brief' if at % 2 else 'main'}"
            await is_live(client, own, way)
    finally:
        is_over.set()
        await flowing
    found = [await client.response(query_id) for query_id in asked]
    assert {one.status for one in found} == {"answered"}
    for one in found:
        assert one.receipt is not None
        assert (one.route == f"{own}/brief") == (one.receipt.prompt == brief)
    assert Counter(len(client.responses[query_id]) for query_id in asked) == {1: len(asked)}
    told = stack.freshet("routes", "log", own).stdout.splitlines()
    assert len(told) == ROUNDS + 2


async def test_what_is_wrong_is_refused_at_the_edge_and_does_no_harm_behind_it(
    client: Client, stack: TestStack, settings: Settings, own: str, route: dict[str, Any]
) -> None:
    """No sense is put aside by the steward; what names nothing is passed over, and counts."""
    refused = stack.freshet(
        *("routes", "set", own, "--branch", "main:prompt=none@1", "--why", "a test")
    )
    assert refused.returncode == 1
    assert "the prompt none@1 does not exist" in refused.stderr
    unserved = stack.freshet(
        *("routes", "set", own, "--branch", "main:model=none@1", "--why", "a test")
    )
    assert "no model none@1" in unserved.stderr
    control = await read_control(client.log, built_in(settings.triton.reader))
    revision = control.revision(f"route/{own}") + 1
    broken = Branch(name="half", index_version="v1", prompt="none@1", model="reader@1")
    lost = Route(
        name=own,
        tenants=[own],
        branches=[broken],
        revision=revision,
        by="test",
        why="test",
        at=1,
    )
    half = {
        **msgspec.to_builtins(lost),
        "branches": [{**msgspec.to_builtins(broken), "share": 0.5}],
    }
    origin = await client.raw("control", key_of(lost), msgspec.json.encode(half))
    assert "sum to 0.5" in (await client.dead_letter(origin)).message
    assert (await client.ask("Who lit the lamp?", tenant=own)).route != "default"
    await client.raw("control", key_of(lost), encode(lost))
    await is_live(client, own, "default")


async def _differs(client: Client, own: str) -> bool:
    return (await client.ask("Who lit the lamp?", tenant=own)).route != "default"


async def _judged(client: Client, own: str, count: int) -> bool:
    found = {
        one.query_id
        async for one in all_of(client, "evaluations", Evaluation)
        if one.tenant == own and one.labels.get("route", "").startswith(own)
    }
    return len(found) >= count
