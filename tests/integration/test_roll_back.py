"""Back to the documents of an earlier moment, and forward again, on the real stack."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from schemas.responses import Response
from tests.doubles.client import Client, eventually
from tests.doubles.stack import TestStack

NAME = "before"
QUESTION = "Who keeps the lighthouse of the southern cape?"
TEXT = """# Lighthouse

The lighthouse of the southern cape is kept by Ingvild. It was built in 1890 of grey stone.
"""

pytestmark = pytest.mark.timeout(600)


async def run(stack: TestStack, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    done = await asyncio.to_thread(partial(stack.freshet, *arguments, timeout=240))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def answered_by(client: Client, own: str, version: str) -> Response:
    """The first answer of an index version: a switch takes effect a moment after the command."""

    async def ask() -> Response | None:
        response = await client.ask(QUESTION, tenant=own)
        used = response.receipt is not None and response.receipt.index_version == version
        return response if used else None

    return await eventually(ask, f"an answer of {version}", 20)


async def test_the_documents_of_an_earlier_moment_answer_again(
    stack: TestStack, client: Client, own: str
) -> None:
    """Nothing is embedded for it; its answers say how old they are; the way forward is as short."""
    at = await client.put_shown(f"{own}/cape", TEXT, acl=[own])
    await client.put_shown(f"{own}/cape", TEXT.replace("Ingvild", "Torvald"), acl=[own])
    await client.put_shown(f"{own}/new", "# New\n\nThis is new.", acl=[own])
    assert "Torvald" in (await client.ask(QUESTION, tenant=own)).answer
    why = ("--why", "the edit was wrong")
    print(await run(stack, "index", "build", NAME, "--as-of", str(at), *why))
    shown = json.loads(await run(stack, "index", "show", NAME, "--json"))
    assert (shown["as_of"], shown["complete_from"], shown["behind"]) == (at, at, 0)
    await run(stack, "index", "switch", NAME, *why)
    then = await answered_by(client, own, NAME)
    assert "Ingvild" in then.answer
    assert then.receipt is not None
    assert then.receipt.as_of == at
    refused = await client.ask(QUESTION, tenant=own, max_staleness_ms=1)
    assert refused.error is not None
    assert "stands still" in refused.error.message
    await run(stack, "index", "switch", "v1", "--why", "the edit was right")
    assert "Torvald" in (await answered_by(client, own, "v1")).answer
    same = await different(stack, f"v1@{at}", NAME)
    assert (same["examples"], same["settings"]) == ([], {})
    since = await different(stack, NAME, "v1")
    kinds = {one["doc_id"]: one["kind"] for one in since["examples"]}
    assert {f"{own}/cape": "changed", f"{own}/new": "only_other"}.items() <= kinds.items()
    lines = (await run(stack, "verify", "--json")).splitlines()
    faults = {one["index_version"]: sum(one["counts"].values()) for one in map(json.loads, lines)}
    assert (faults[NAME], faults["v1"]) == (0, 0)
    await run(stack, "index", "retire", NAME, "--now", "--why", "the trial is over")


async def different(stack: TestStack, one: str, other: str) -> Any:
    """What `diff` says."""
    return json.loads(await run(stack, "index", "diff", one, other, "--json"))
