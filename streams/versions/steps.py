"""The whole changes of an index version, read from its topic or from what was archived of it."""

from collections.abc import AsyncIterator

from msgspec import json

from processors.assemble import Assembled, Assembler
from schemas.index import IndexEvent
from schemas.topics import changes_topic
from streams.clients.kafka import LogClient
from streams.replay.source import Source


async def steps(log: LogClient | Source, version: str) -> AsyncIterator[tuple[int, Assembled]]:
    """Every step of every partition, in order within each. Raises MissingTopic."""
    assemblers: dict[int, Assembler] = {}
    async for record in log.read(changes_topic(version)):
        event = _event(record.value or b"")
        if event.index_version == version:
            assembler = assemblers.setdefault(record.partition, Assembler())
            if (step := assembler.add(event)) is not None:
                yield record.partition, step


_event = json.Decoder(IndexEvent).decode
