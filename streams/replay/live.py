"""What a run is made of: the log or its archive, and the models of the running stack."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from processors.ports import Embedder
from processors.version import IndexSpec
from streams.clients.kafka import Log
from streams.clients.readers import is_served
from streams.clients.triton import TritonEmbedder
from streams.config import Settings
from streams.replay.prepare import Means
from streams.replay.source import LogSource, Source
from streams.replay.vectors import VectorStore

_STORE = "replay/vectors.sqlite"


@asynccontextmanager
async def means(
    settings: Settings, archive: Path | None, master: str | None, say: Callable[[str], None]
) -> AsyncIterator[Means]:
    """They are let go of when the block is left; without `archive` the log is read.

    Raises NoBroker; with `archive` NoArchive, SetupError and SparkFault.
    """
    embedders: dict[str, TritonEmbedder] = {}

    def embedder(spec: IndexSpec) -> Embedder:
        if spec.embedder not in embedders:
            embedders[spec.embedder] = TritonEmbedder.of(settings.triton, spec)
        return embedders[spec.embedder]

    async def served(model: str) -> bool | None:
        return await is_served(settings.triton.grpc, model)

    store = VectorStore(settings.state_dir / _STORE)
    try:
        async with _source(settings, archive, master) as source:
            yield Means(settings, source, store, embedder, served, say)
    finally:
        store.close()
        for each in embedders.values():
            await each.close()


@asynccontextmanager
async def _source(
    settings: Settings, archive: Path | None, master: str | None
) -> AsyncIterator[Source]:
    if archive is None:
        async with Log(settings.kafka) as log:
            yield LogSource(log)
        return
    from streams.archive.layout import Layout
    from streams.replay.archivesource import ArchiveSource
    from streams.spark.session import session

    Layout(archive).topics()  # before Spark is started for nothing
    with session(settings, "freshet replay: read", master=master) as spark:
        yield ArchiveSource(spark, archive)
