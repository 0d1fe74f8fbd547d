"""The index in memory keeps the contract, so that what is tested on it holds on Milvus."""

from collections.abc import AsyncIterator

import pytest_asyncio
from hypothesis import given, settings

from streams.index.table import Table
from tests.doubles.index import MemoryTable
from tests.integration.index.contract import IndexContract
from tests.integration.index.histories import Step, histories, reads_like_the_model


class TestMemoryIndex(IndexContract):
    @pytest_asyncio.fixture
    async def tables(self) -> AsyncIterator[tuple[Table, Table]]:
        """Two dictionaries."""
        yield MemoryTable(), MemoryTable()


@settings(max_examples=200, deadline=None)
@given(histories())
async def test_any_history_reads_like_the_plain_model(steps: list[Step]):
    """Whatever is put, deleted, batched, broken and mended, at every index time."""
    await reads_like_the_model(MemoryTable(), MemoryTable(), steps)
