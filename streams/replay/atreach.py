"""The servers that a replay asks, as the settings name them."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from processors.builtin import built_in
from processors.ports import Embedder, Reader
from processors.version import IndexSpec
from streams.clients.readers import TritonReaders
from streams.clients.tokenizer import tokenizer
from streams.clients.triton import TritonEmbedder
from streams.config import Settings
from streams.replay.folds import read_control
from streams.replay.means import Means
from streams.replay.source import Source
from streams.replay.states import from_changes, from_milvus

IndexFrom = Literal["log", "milvus"]


@asynccontextmanager
async def means_of(
    settings: Settings, source: Source, index: IndexFrom, *, with_model: bool
) -> AsyncIterator[Means]:
    """What past answers are given again by; the clients are closed behind it.

    Raises:
        NoBroker: the log does not answer.
    """
    readers, embedders = TritonReaders(settings.triton.grpc), _Embedders(settings)
    ask: Callable[[str], Awaitable[Reader]] | None = readers.get if with_model else None
    try:
        yield Means(
            control=await read_control(source, built_in(settings.triton.reader)),
            opened=from_milvus(settings.milvus) if index == "milvus" else from_changes(source),
            horizon=_now() - settings.limits.horizon_ms * 1000 if index == "milvus" else 0,
            embedder=embedders.of,
            reader=ask,
            usual_model=f"{settings.triton.reader}@1",
            tokenizer=tokenizer(settings.triton),
            clock=_now,
            timeout_s=settings.limits.answer_deadline_s,
        )
    finally:
        await embedders.close()
        await readers.close()


class _Embedders:
    """Those that were asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: list[TritonEmbedder] = []

    def of(self, spec: IndexSpec) -> Embedder:
        made = TritonEmbedder.of(self._settings.triton, spec)
        self._made.append(made)
        return made

    async def close(self) -> None:
        for one in self._made:
            await one.close()


def _now() -> int:
    return time.time_ns() // 1000
