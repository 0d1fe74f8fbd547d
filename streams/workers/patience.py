"""Calling a server until it answers: what is to be done waits in the log meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import TypeVar

from streams.clients.errors import ClientError

log = logging.getLogger(__name__)

_PAUSES_S = (0.1, 0.3, 1.0, 3.0)
_T = TypeVar("_T")


async def until_available(call: Callable[[], Awaitable[_T]], *passing: type[ClientError]) -> _T:
    """The result of `call`, made again for as long as it fails with one of the `passing` errors."""
    for pause in chain(_PAUSES_S, repeat(_PAUSES_S[-1])):
        try:
            return await call()
        except passing as error:
            log.warning("no answer, trying again in %s s: %s", pause, error)
            await asyncio.sleep(pause)
    raise AssertionError("the pauses never end")
