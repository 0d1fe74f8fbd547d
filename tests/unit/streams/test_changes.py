"""Steps that follow changes on disk, with the real watcher."""

import asyncio
from pathlib import Path

import pytest

from streams.changes import rounds


async def test_without_watching_there_is_one_step(tmp_path: Path) -> None:
    """And then the end."""
    assert [count async for count in rounds(tmp_path, watch=False)] == [0]


async def test_a_change_during_the_first_step_brings_a_second(tmp_path: Path) -> None:
    """What is written while the folder is being read is not missed."""
    steps = rounds(tmp_path, watch=True)
    assert await anext(steps) == 0

    (tmp_path / "a.md").write_text("written meanwhile")

    async with asyncio.timeout(60):
        assert await anext(steps) == 1
    await steps.aclose()  # type: ignore[attr-defined]


async def test_cancelling_ends_the_watching_cleanly(tmp_path: Path) -> None:
    """Ctrl-C leaves no thread behind that would keep the program from ending."""

    async def watch() -> None:
        async for _ in rounds(tmp_path, watch=True):
            started.set()

    started = asyncio.Event()
    watching = asyncio.create_task(watch())
    await started.wait()
    watching.cancel()

    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await watching
