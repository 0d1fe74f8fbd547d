"""A topology with every role started, thrown away after the test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.topology.driver import Topology


@pytest_asyncio.fixture
async def topology(tmp_path: Path) -> AsyncIterator[Topology]:
    async with Topology(tmp_path) as started:
        yield started
