"""Reading the topics that measurements look into."""

from collections.abc import AsyncIterator, Mapping

from msgspec import json

from schemas.index import IndexEvent, IndexProgress
from streams.clients.kafka import Log


async def events(log: Log, start: Mapping[int, int] | None = None) -> AsyncIterator[IndexEvent]:
    """`index.changes`, from `start` to its end."""
    async for record in log.read("index.changes", start=start):
        yield event(record.value or b"")


event = json.Decoder(IndexEvent).decode
progress = json.Decoder(IndexProgress).decode
