"""A second index version on the real stack, while documents and questions flow."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest
from msgspec import json as msgspec_json

from schemas.index import IndexChange, IndexEvent
from schemas.responses import Response
from schemas.topics import changes_topic
from streams.stack.status import State
from tests.doubles.client import Client, eventually
from tests.doubles.stack import TestStack
from tests.doubles.traffic import Traffic

NAME = "trial"
QUESTION = "Who keeps the lighthouse of the northern cape?"
TEXT = """# Lighthouse

The lighthouse of the northern cape is kept by Sunniva. It was built in 1890 of grey stone.

Its lamp can be seen for thirty miles, and ships of every kind have steered by it ever since.
"""

pytestmark = pytest.mark.timeout(600)


async def run(stack: TestStack, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    done = await asyncio.to_thread(partial(stack.freshet, *arguments, timeout=240))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def listed(stack: TestStack) -> dict[str, Any]:
    """The index versions by name, as `list` has them."""
    lines = (await run(stack, "index", "list", "--json")).splitlines()
    return {found["name"]: found for found in map(json.loads, lines)}


async def answered_by(client: Client, own: str, version: str) -> Response:
    """The first answer of an index version: a switch takes effect a moment after the command."""

    async def ask() -> Response | None:
        response = await client.ask(QUESTION, tenant=own)
        used = response.receipt is not None and response.receipt.index_version == version
        return response if used else None

    return await eventually(ask, f"an answer of {version}", 20)


async def passages_of(client: Client, version: str) -> set[str]:
    """`passage@version` of every passage that an index version ever had."""
    found = set[str]()
    async for record in client.log.read(changes_topic(version)):
        event = _event(record.value or b"")
        if isinstance(event, IndexChange):
            gained = event.passages_gained
            found |= {f"{one.passage_id}@{event.index_time}" for one in gained}
    return found


async def faults(stack: TestStack) -> dict[str, int]:
    """What `verify` counts of each index version."""
    lines = (await run(stack, "verify", "--json")).splitlines()
    return {
        found["index_version"]: sum(found["counts"].values()) for found in map(json.loads, lines)
    }


async def test_a_version_is_built_used_given_back_and_retired_while_all_goes_on(
    stack: TestStack, client: Client, own: str
) -> None:
    """No question is lost, none has two answers, and none is answered from two versions."""
    await client.put_shown(f"{own}/cape", TEXT, acl=[own])
    # Two indexes are kept in step on two cores, and commands are started beside them.
    traffic = Traffic(client, seed=11, pause_s=0.4)
    async with traffic.flowing():
        cuts = ("--chunk", "unit_max=200", "--chunk", "passage_target=300")
        print(await run(stack, "index", "build", NAME, *cuts, "--why", "shorter passages"))
        found = await listed(stack)
        assert (found[NAME]["state"], found[NAME]["routes"]) == ("serving", [])
        assert found["v1"]["routes"] == ["default"]
        assert {f"indexer@{NAME}", f"writer@{NAME}"} <= _parts(stack)
        compared = json.loads(
            await run(stack, "index", "compare", "v1", NAME, "--last", "8", "--json")
        )
        assert 0 < compared["overlap"]["value"] <= 1
        before = await client.ask(QUESTION, tenant=own)
        print(await run(stack, "index", "switch", NAME, "--why", "shorter passages"))
        during = await answered_by(client, own, NAME)
        print(await run(stack, "index", "switch", "v1", "--why", "only a trial"))
        after = await answered_by(client, own, "v1")
    assert [one.answer for one in (before, during, after)] == [before.answer] * 3
    assert "Sunniva" in before.answer
    await traffic.settle(60)
    assert await traffic.answered_otherwise_than_once() == {}
    kept = {name: await passages_of(client, name) for name in ("v1", NAME)}
    receipts = [one.receipt for given in client.responses.values() for one in given if one.receipt]
    assert {receipt.index_version for receipt in receipts} == {"v1", NAME}
    assert all(set(one.passages) <= kept[one.index_version] for one in receipts)
    assert set((await faults(stack)).values()) == {0}
    print(await run(stack, "index", "retire", NAME, "--now", "--why", "the trial is over"))
    await _until_gone(stack)
    assert (await listed(stack))[NAME]["rows"] == 0
    assert (await faults(stack)).keys() == {"v1"}


def _parts(stack: TestStack) -> set[str]:
    found = stack.status()
    assert found is not None
    return {part.name for part in found.parts if part.state is State.READY}


async def _until_gone(stack: TestStack) -> None:
    async def gone() -> bool:
        found = stack.status()
        return found is not None and not any("@" in part.name for part in found.parts)

    await eventually(gone, "the retired version's workers to be gone", 30)


_event = msgspec_json.Decoder(IndexEvent).decode
