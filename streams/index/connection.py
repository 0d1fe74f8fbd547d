"""Calls to Milvus: bounded in time, with our errors, reads tried again and writes never."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import stamina
from pymilvus import AsyncMilvusClient, MilvusException

from streams.clients.errors import IndexRejected, IndexUnavailable
from streams.config import Milvus

_CHANNEL = {
    # gRPC would wait two minutes before it looks for a restarted server again.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    # A server hangs up on a client that asks more often whether an idle connection still lives.
    "grpc.keepalive_time_ms": 300_000,
}
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        # Milvus' own: not ready, unavailable, out of memory or disk, too many requests, internal,
        # collection not loaded or not fully loaded, channel or node not found.
        *(1, 2, 3, 4, 5, 6, 8, 9, 101, 103, 500, 901),
    }
)


class Connection:
    """One channel, opened on first use because it belongs to the loop that it is opened in."""

    def __init__(self, settings: Milvus) -> None:
        self._settings = settings
        self._opened: AsyncMilvusClient | None = None

    async def close(self) -> None:
        """Close the channel."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def read(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client, again and again until it answers or time is up.

        Raises IndexUnavailable or IndexRejected.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.timeout_s
        async for attempt in _attempts(self._settings.timeout_s):
            with attempt:
                return await self._call(deadline, method, args, options)
        raise IndexUnavailable(f"{method}: no time was left to ask")

    async def write(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the client once: after a failure nobody knows whether it was done.

        Raises IndexUnavailable or IndexRejected.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.timeout_s
        return await self._call(deadline, method, args, options)

    @property
    def client(self) -> AsyncMilvusClient:
        """The client, for what needs no call."""
        if self._opened is None:
            token = self._settings.token
            self._opened = AsyncMilvusClient(
                uri=self._settings.uri,
                token=token.get_secret_value() if token else "",
                timeout=self._settings.timeout_s,
                dedicated=True,
                grpc_options=_CHANNEL,
            )
        return self._opened

    async def _call(
        self, deadline: float, method: str, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        # The client's own retries would repeat a write, and do not end in time.
        call = getattr(self.client, method)
        with _translated(method):
            async with asyncio.timeout_at(deadline):
                return await call(*args, retry_times=0, retry_on_rate_limit=False, **options)


def _attempts(timeout_s: float) -> AsyncIterator[Any]:
    return stamina.retry_context(
        on=IndexUnavailable, attempts=None, timeout=timeout_s, wait_initial=0.05, wait_max=1.0
    ).__aiter__()


@contextmanager
def _translated(method: str) -> Iterator[None]:
    """Turn the errors of the client, of gRPC and of time into ours."""
    try:
        yield
    except TimeoutError as error:
        raise IndexUnavailable(f"{method}: no answer in time") from error
    except grpc.RpcError as error:
        raise _fault(error.code())(f"{method}: {error.details()}") from error
    except MilvusException as error:
        raise _fault(error.code)(f"{method}: {error.message}") from error


def _fault(code: object) -> type[IndexUnavailable] | type[IndexRejected]:
    return IndexUnavailable if code in _PASSING else IndexRejected
