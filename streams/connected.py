"""The log, for as long as a command needs it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from streams.clients.kafka import LogClient

_T = TypeVar("_T")


async def with_log(work: Callable[["LogClient"], Awaitable[_T]]) -> _T:
    """The result of `work`, given the log that the settings name. Raises NoBroker."""
    from streams import config
    from streams.clients.kafka import Log

    async with Log(config.load().kafka) as log:
        return await work(log)
