"""A gateway in this process, for the tests here."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.doubles.front import Front, Run, running


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a gateway: `async with run(script=.., log=..) as front`."""

    def begin(**how: object) -> AbstractAsyncContextManager[Front]:
        return running(tmp_path, **how)  # type: ignore[arg-type]

    return begin


@pytest.fixture
async def front(run: Run) -> AsyncIterator[Front]:
    """A gateway whose questions are answered word by word."""
    async with run() as one:
        yield one
