"""What a run is made of, from the running stack: its log and its models."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from processors.ports import Embedder
from processors.version import IndexSpec
from streams.clients.kafka import Log
from streams.clients.readers import is_served
from streams.clients.triton import TritonEmbedder
from streams.config import Settings
from streams.replay.prepare import Means
from streams.replay.source import LogSource
from streams.replay.vectors import VectorStore

_STORE = "replay/vectors.sqlite"


@asynccontextmanager
async def means(settings: Settings, say: Callable[[str], None]) -> AsyncIterator[Means]:
    """They are let go of when the block is left. Raises NoBroker."""
    embedders: dict[str, TritonEmbedder] = {}

    def embedder(spec: IndexSpec) -> Embedder:
        if spec.embedder not in embedders:
            embedders[spec.embedder] = TritonEmbedder.of(settings.triton, spec)
        return embedders[spec.embedder]

    async def served(model: str) -> bool | None:
        return await is_served(settings.triton.grpc, model)

    store = VectorStore(settings.state_dir / _STORE)
    try:
        async with Log(settings.kafka) as log:
            yield Means(settings, LogSource(log), store, embedder, served, say)
    finally:
        store.close()
        for each in embedders.values():
            await each.close()
