"""The index versions that a run's variants ask: taken over from the log, or made for the run."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from processors.clock import IndexClock
from processors.embedding import tokens
from processors.manifest import digest
from processors.ports import Embedder
from processors.replay.index_of import Vectors, changes_of
from processors.version import IndexSpec, settings_of
from schemas.index import IndexChange
from streams.clients.kafka import MissingTopic, partition_of
from streams.replay.histories import History
from streams.replay.indexfile import Step, Written, write
from streams.replay.source import Source
from streams.replay.vectors import VectorStore
from streams.views.index import IndexView

Embedders = Callable[[IndexSpec], Embedder]


def file_name(was: str, spec: IndexSpec, *, rebuilt: bool) -> str:
    """Of the file that has an index's changes: one for all specs that only rank otherwise."""
    if not rebuilt:
        return f"index/{was}.arrow"
    units = {k: v for k, v in settings_of(spec).items() if not k.startswith(("lexical", "fusion"))}
    named = digest(*(f"{key}={value}" for key, value in sorted(units.items())))
    return f"index/{was}-{named[:12]}.arrow"


async def copied(history: History, path: Path) -> Written:
    """The changes of a version as they are. Raises NoRoom."""
    return await write(path, history.steps())


async def rebuilt(
    history: History,
    spec: IndexSpec,
    path: Path,
    *,
    known: Vectors,
    embedder: Embedder,
    partitions: int,
) -> Written:
    """The changes that `spec` would have had, at the index times of `history`.

    Raises NoRoom, and what `embedder` raises.
    """
    steps = _made(history, spec, path.with_suffix(".state"), known, embedder, partitions)
    async with aclosing(steps):
        return await write(path, steps)


async def remember(source: Source, names: Iterable[str], until: int, store: Vectors) -> None:
    """Keep what was embedded for these versions, whose embedder is one, up to an index time."""
    for name in names:
        with suppress(MissingTopic):  # of one that was retired, or that nobody has begun to build
            async for vectors in History(source, name, until).vectors():
                store.keep(vectors)


class Counting:
    """An embedder and its store that only count what would be embedded."""

    def __init__(self, version: str, dimensions: int, stores: Sequence[VectorStore]) -> None:
        """Of `stores` the last takes note of what was counted, without any vectors."""
        self.version = version
        self.units = 0
        self.tokens = 0
        self._dimensions = dimensions
        self._stores = stores

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Nothing but zeros."""
        self.units += len(texts)
        self.tokens += sum(map(tokens, texts))
        return np.zeros((len(texts), 0), np.float32)

    def vectors(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Nothing, of each that is known."""
        known = (key for store in self._stores for key in store.known(keys))
        return dict.fromkeys(known, b"")

    def keep(self, vectors: Mapping[str, bytes]) -> None:
        """Take note of the keys alone."""
        self._stores[-1].keep(dict.fromkeys(vectors, b""))


async def _made(
    history: History,
    spec: IndexSpec,
    state: Path,
    known: Vectors,
    embedder: Embedder,
    partitions: int,
) -> AsyncGenerator[Step, None]:
    _remove(state)
    view = IndexView(state, IndexClock())
    try:
        changes = changes_of(
            spec,
            history.events(),
            view,
            known,
            embedder,
            lambda key: partition_of(key, partitions),
        )
        async for parts in changes:
            yield _step(parts)
    finally:
        view.close()
        _remove(state)


def _step(parts: list[IndexChange]) -> Step:
    head = parts[0]
    return Step(head.source.partition, head.index_time, head.source.offset, parts)


def _remove(state: Path) -> None:
    for path in state.parent.glob(f"{state.name}*"):
        path.unlink()
