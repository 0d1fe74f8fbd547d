"""A stack for each module, which its tests wound in turn: each finds the scars of the others."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.doubles.client import Client
from tests.doubles.stack import TestStack


@pytest.fixture(scope="module")
def wishes() -> dict[str, Any]:
    """Settings that a module's stack has besides the usual ones."""
    return {}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, wishes: dict[str, Any]) -> Iterator[TestStack]:
    """All parts, ready."""
    running = TestStack(tmp_path_factory.mktemp("chaos"), **wishes)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
async def client(stack: TestStack) -> AsyncIterator[Client]:
    """A user of that stack."""
    async with Client(stack.settings) as connected:
        yield connected
