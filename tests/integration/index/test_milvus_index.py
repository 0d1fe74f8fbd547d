"""The index in the running Milvus keeps the contract, and says what is wrong when it cannot."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import settings as examples

from processors.index import Access
from streams.clients.errors import IndexRejected, IndexUnavailable
from streams.clients.milvus import MilvusIndex
from streams.config import Milvus, Settings
from streams.index.table import Table
from tests.doubles.library import Library, vector
from tests.integration.index.contract import IndexContract, read_all
from tests.integration.index.histories import Step, histories, reads_like_the_model

_VERSIONS = count()


@pytest_asyncio.fixture
async def milvus_index(settings: Settings) -> AsyncIterator[MilvusIndex]:
    """An index of its own in the stack's Milvus, gone after the test."""
    index = MilvusIndex(settings.milvus, f"contract{next(_VERSIONS)}")
    await index.ensure()
    yield index
    await index.drop()
    await index.close()


class TestMilvusIndex(IndexContract):
    @pytest_asyncio.fixture
    async def tables(self, milvus_index: MilvusIndex) -> AsyncIterator[tuple[Table, Table]]:
        """Two collections."""
        yield milvus_index.units, milvus_index.texts


@examples(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=histories())
async def test_any_history_reads_like_the_plain_model(settings: Settings, steps: list[Step]):
    """As in memory, for a few."""
    index = MilvusIndex(settings.milvus, f"history{next(_VERSIONS)}")
    await index.ensure()
    try:
        await reads_like_the_model(index.units, index.texts, steps)
    finally:
        await index.drop()
        await index.close()


async def test_collections_that_are_there_are_left_as_they_are(milvus_index: MilvusIndex):
    """Each worker that starts makes what is missing, and no more."""
    library = Library()
    await milvus_index.apply(library.put("d", {"p": ["one"]}, 10), check=False)
    await milvus_index.ensure()
    assert await read_all(milvus_index, library, 10) == library.seen(10)


async def test_searches_of_both_kinds_run_at_once(milvus_index: MilvusIndex):
    """From many tasks, over one connection."""
    library = Library()
    await milvus_index.apply(library.put("d", {"p": ["one", "two"]}, 10), check=False)
    reads = (read_all(milvus_index, library, 10) for _ in range(16))
    assert all(seen == library.seen(10) for seen in await asyncio.gather(*reads))


async def test_without_a_server_a_call_ends_in_time():
    """And says that the index is not there."""
    index = MilvusIndex(Milvus(uri="http://127.0.0.1:1", timeout_s=0.5), "v1")
    with pytest.raises(IndexUnavailable):
        await index.search_units(vector("one"), 10, Access(), 5)
    with pytest.raises(IndexUnavailable):
        await index.apply(Library().put("d", {"p": ["one"]}, 10), check=False)
    await index.close()


async def test_a_call_that_milvus_refuses_is_not_repeated(milvus_index: MilvusIndex):
    """A vector of another length fails every time."""
    with pytest.raises(IndexRejected):
        await milvus_index.search_units(np.ones(3, np.float32), 10, Access(), 5)


async def test_an_index_that_was_dropped_refuses_reads(settings: Settings):
    """Rather than seem empty."""
    index = MilvusIndex(settings.milvus, f"dropped{next(_VERSIONS)}")
    await index.ensure()
    await index.drop()
    with pytest.raises(IndexRejected):
        await index.search_units(vector("one"), 10, Access(), 5)
    await index.close()
