"""Work that ends when its caller hangs up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

_T = TypeVar("_T")


class HungUp(Exception):
    """The caller is gone: nobody will read a response."""


async def unless_hung_up(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of `work`, which is cancelled as soon as the caller's connection closes.

    The request's body must have been read.

    Raises:
        HungUp: the caller went away first.
    """
    worker = asyncio.create_task(work)
    watcher = asyncio.create_task(_closed(receive))
    try:
        await asyncio.wait({worker, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            return worker.result()
        raise HungUp
    finally:
        worker.cancel()
        watcher.cancel()
        await asyncio.gather(worker, watcher, return_exceptions=True)


async def _closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
