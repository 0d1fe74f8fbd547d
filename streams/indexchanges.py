"""How an event of `index.changes` is put into the log, whoever made it."""

from collections.abc import Awaitable

from processors.indexer import SOURCE
from schemas.codec import encode
from schemas.envelope import headers
from schemas.index import IndexEvent, IndexTick
from schemas.topics import type_of
from streams.clients.kafka import Headers, LogClient, Position


async def submit(
    log: LogClient, topic: str, partition: int, event: IndexEvent, more: Headers = ()
) -> Awaitable[Position]:
    """Hand it to the batch being sent, with `more` headers; await the result to know where it
    landed. A tick has no key."""
    key = None if isinstance(event, IndexTick) else event.doc_id
    name = [*headers(type_of(event), source=SOURCE, time=event.index_time), *more]
    return await log.submit(topic, key, encode(event), name, partition)
