"""What the live workers told, a replay of the log tells: event by event, on the real parts.

A difference here is a bug of a worker, whatever else passes.
"""

import asyncio
import json
import time
from functools import partial
from typing import Any

import pytest

from schemas.codec import decode_as, encode
from schemas.envelope import headers
from schemas.feedback import Feedback
from schemas.monitoring import Drift
from schemas.topics import type_of
from tests.doubles.client import Client, eventually
from tests.doubles.stack import TestStack

TEXT = """# Harbour

The harbour of Port Ellery was opened in 1904. It was built by the engineer Ruth Amsel.

Its lighthouse can be seen from forty kilometres, and is kept by Sunniva.
"""
KNOWN = (
    "When was the harbour of Port Ellery opened?",
    "Who built the harbour of Port Ellery?",
    "Who keeps the lighthouse of the harbour?",
)
UNKNOWN = "How many penguins live on the ice of Antarctica in winter?"
_AT_ONCE = 8

pytestmark = pytest.mark.timeout(400)


async def parity(stack: TestStack, *arguments: str) -> Any:
    """The report; it must be one of no difference."""
    command = ("replay", "parity", "--json", *arguments)
    done = await asyncio.to_thread(partial(stack.freshet, *command, timeout=200))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


async def asked(client: Client, tenant: str, questions: list[str]) -> None:
    """All of them, a few at once; a thumb for every other answer."""
    for start in range(0, len(questions), _AT_ONCE):
        some = questions[start : start + _AT_ONCE]
        found = await asyncio.gather(*(client.ask(one, tenant=tenant) for one in some))
        for response in found[::2]:
            rating = 1 if response.status == "answered" else -1
            thumb = Feedback(query_id=response.query_id, tenant=tenant, rating=rating)
            name = headers(type_of(thumb), source="test", time=time.time_ns() // 1000)
            await client.log.send("feedback", thumb.query_id, encode(thumb), name)


async def drifted(client: Client, tenant: str) -> bool | None:
    """Whether the monitor has told that the tenant's questions are another kind."""
    async for record in client.log.read("drift"):
        if decode_as(Drift, record.value or b"").labels.get("tenant") == tenant:
            return True
    return None


async def test_a_replay_of_the_log_tells_what_was_told(
    stack: TestStack, client: Client, own: str
) -> None:
    """Every score, every drift event and alert, every token: asked, thumbed, drifted, edited."""
    began = time.time_ns() // 1000
    await client.put_shown(f"{own}/harbour", TEXT, acl=[own])
    await asked(client, own, [KNOWN[number % 3] for number in range(72)])
    await client.put_shown(f"{own}/harbour", TEXT.replace("1904", "1911"), acl=[own])
    await asked(client, own, [UNKNOWN] * 48)
    await eventually(lambda: drifted(client, own), "drift to be told", 90)

    async def settled() -> Any:
        found = await parity(stack, "--from", str(began))
        parts = found["parts"]
        return found if parts["drift"]["compared"] and parts["alerts"]["compared"] else None

    found = await eventually(settled, "the windows to be closed", 150)
    assert found["parts"]["evaluations"]["compared"] >= 120
    assert found["parts"]["quotas"]["compared"] >= 240
    assert found["parts"]["retrieval"]["compared"] >= 120
    assert found["found"] == []
