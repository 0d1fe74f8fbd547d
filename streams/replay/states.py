"""Past states of an index: from its changes, or from Milvus as far as that reaches back."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from msgspec import Struct

from processors.ports import IndexReader, TermWeights
from processors.replay.again import ReceiptWeights
from processors.replay.batched import BatchedIndex
from processors.version import IndexSpec
from schemas.responses import Receipt
from streams.config import Milvus
from streams.replay.folds import read_past
from streams.replay.source import Source


class States(Struct, frozen=True):
    """One index version at any index time."""

    index: IndexReader
    weights: Callable[[Receipt], TermWeights]
    applied: Callable[[Receipt], Mapping[str, int]]


Opened = Callable[[IndexSpec, int], AbstractAsyncContextManager[States]]
"""Opens an index version up to an index time. Raises MissingTopic, ChangesGone, IndexUnavailable
or IndexRejected."""


def from_changes(source: Source) -> Opened:
    """Folded anew from `index.changes`, in memory."""

    @asynccontextmanager
    async def opened(spec: IndexSpec, until: int) -> AsyncIterator[States]:
        past = await read_past(source, spec, until=until)
        index = BatchedIndex(past.index)
        yield States(
            index, lambda receipt: past.statistics, lambda receipt: past.applied.at(receipt.as_of)
        )

    return opened


def from_milvus(settings: Milvus) -> Opened:
    """The live index, within its horizon: words weigh what the receipts say."""

    @asynccontextmanager
    async def opened(spec: IndexSpec, until: int) -> AsyncIterator[States]:
        from streams.clients.milvus import MilvusIndex  # slow to import, and often not wanted

        index = MilvusIndex.of(settings, spec)
        try:
            yield States(index, ReceiptWeights, lambda receipt: receipt.applied)
        finally:
            await index.close()

    return opened
