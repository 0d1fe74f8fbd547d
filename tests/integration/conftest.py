"""One whole stack for all tests here, started once by the real supervisor."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from streams.config import Settings, Triton
from tests.doubles.client import Client
from tests.doubles.stack import TestStack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """All parts, ready. Tests share it: they use documents and tenants of their own."""
    running = TestStack(tmp_path_factory.mktemp("stack"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="package")
def settings(stack: TestStack) -> Settings:
    """The settings of the running stack."""
    return stack.settings


@pytest.fixture(scope="package")
def triton(stack: TestStack) -> Triton:
    """Where the running models are."""
    return stack.settings.triton


@pytest.fixture(scope="package")
async def client(settings: Settings) -> AsyncIterator[Client]:
    """A user of the running stack."""
    async with Client(settings) as connected:
        yield connected


@pytest.fixture
def own() -> str:
    """A name that no other test uses: a tenant, and what its documents' ids begin with."""
    return f"t{uuid4().hex[:10]}"
