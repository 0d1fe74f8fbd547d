"""Asking through the log: a question produced, its pieces and its response awaited."""

import asyncio
import time
from collections.abc import AsyncIterator

from schemas.codec import decode, encode
from schemas.envelope import headers
from schemas.queries import Query
from schemas.responses import Response, ResponseDelta
from schemas.topics import type_of
from streams.clients.kafka import LogClient
from streams.errors import FreshetError

SOURCE = "freshet/cli"
SLACK_S = 5.0


class NoResponse(FreshetError):
    """Nothing answered in time."""


async def ask(
    log: LogClient, query: Query, *, timeout_s: float
) -> AsyncIterator[ResponseDelta | Response]:
    """Pieces of the answer as they are written, then the response, which is the last thing given.

    Raises:
        NoResponse: no response within `timeout_s`.
    """
    topics = ("responses", "response.deltas")
    start = {topic: await log.ends(topic) for topic in topics}
    name = headers(type_of(query), source=SOURCE, time=time.time_ns() // 1000)
    await log.send("queries", query.tenant, encode(query), name)
    wanted = query.query_id.encode()
    try:
        async with asyncio.timeout(timeout_s):
            async for record in log.follow(topics, start=start):
                if record.key != wanted:
                    continue
                event = decode(record.topic, record.value)
                if isinstance(event, Response | ResponseDelta):
                    yield event
                if isinstance(event, Response):
                    return
    except TimeoutError:
        raise NoResponse(
            f"no response to {query.query_id} within {timeout_s:g} s; "
            "see `freshet status` and `freshet logs answerer`"
        ) from None


async def answer(log: LogClient, query: Query, *, timeout_s: float) -> Response:
    """The response to a question."""
    async for event in ask(log, query, timeout_s=timeout_s):
        if isinstance(event, Response):
            return event
    raise NoResponse(f"no response to {query.query_id}")
