"""Many callers at once, through the gateway, under one budget."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx

CHAT = "/v1/chat/completions"
CALLERS = 64
HELD = 10
"""Answers that the budget has tokens for."""

DOC_ID = "night-ferries.md"
PLACES = ("Ystad", "Rostock", "Gedser", "Rønne", "Klaipeda", "Tallinn", "Turku", "Visby")
_SECTION = """## {place}

The night ferry to {place} leaves the harbour at {hour} o'clock every evening, and nobody may board
it later than half an hour before. It carries ninety cars on two decks, and each of its cabins has
four beds, a table and a window. Who has no cabin sleeps in the long hall under the bridge, where
the chairs can be laid flat. In the morning there is bread, cheese and hot coffee for everybody
before the ferry comes in, and the shop on the upper deck sells maps of {place} and its islands.
Dogs travel in the cabins of their people; horses, bees and boats on trailers need a ticket of their
own. When a storm is foretold, the ferry waits in the harbour until the wind has turned.
"""
DOCUMENT = "# Night ferries\n\n" + "\n".join(
    _SECTION.format(place=place, hour=hour) for hour, place in enumerate(PLACES, start=4)
)
"""An answer takes more tokens than are of use at least."""
QUESTION = "When does the night ferry to Ystad leave the harbour?"


class Outcome(NamedTuple):
    """What one caller got."""

    status: int
    code: str | None
    """Of the error, where it is one."""
    tokens: int
    finish: str | None
    headers: Mapping[str, str]
    query_id: str | None


async def crowd(
    address: str, keys: Sequence[str], *, stream: bool, callers: int = CALLERS
) -> list[Outcome]:
    """So many callers ask at once, each with one of the keys; each asks the same."""
    limits = httpx.Limits(max_connections=callers)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        asking = [ask(client, keys[n % len(keys)], stream=stream) for n in range(callers)]
        return await asyncio.gather(*asking)


async def ask(
    client: httpx.AsyncClient,
    key: str,
    question: str = QUESTION,
    *,
    stream: bool = False,
    **freshet: Any,
) -> Outcome:
    """One question."""
    messages = [{"role": "user", "content": question}]
    body: dict[str, Any] = {"model": "freshet", "messages": messages, "freshet": freshet}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    response = await client.post(CHAT, json=body, headers={"authorization": f"Bearer {key}"})
    if stream and response.status_code == 200:
        return _of_stream(response)
    return _of(response, response.json())


def _of_stream(response: httpx.Response) -> Outcome:
    """Of the chunks: the one that ends the answer, and the one that counts tokens."""
    lines = [one.removeprefix("data: ") for one in response.text.split("\n\n") if one]
    assert lines.pop() == "[DONE]", lines
    chunks = list(map(json.loads, lines))
    end = next(one for one in chunks if one["choices"] and one["choices"][0]["finish_reason"])
    return _of(response, end | {"usage": chunks[-1]["usage"]})


def _of(response: httpx.Response, body: dict[str, Any]) -> Outcome:
    choices = body.get("choices") or [{}]
    return Outcome(
        status=response.status_code,
        code=body.get("error", {}).get("code"),
        tokens=(body.get("usage") or {}).get("total_tokens", 0),
        finish=choices[0].get("finish_reason"),
        headers=response.headers,
        query_id=body.get("freshet", {}).get("query_id"),
    )
