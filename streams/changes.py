"""A step at once and one after each change on disk, so that no change is missed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import Change, awatch

Filter = Callable[[Change, str], bool]


async def rounds(*paths: Path, watch: bool, only: Filter | None = None) -> AsyncIterator[int]:
    """Count 0 now and, if `watch`, on after each burst of changes below `paths`, for ever.

    Changes are watched for from before the first step on: what happens while a step is being
    taken brings the next one.
    """
    if not watch:
        yield 0
        return
    changes = awatch(*paths, watch_filter=only)
    following = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)  # lets it get as far as listening
    count = 0
    try:
        while True:
            yield count
            await following
            following = asyncio.ensure_future(anext(changes))
            count += 1
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await changes.aclose()
