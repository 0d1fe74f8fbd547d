"""The models that answer, by the names that routes give them."""

import asyncio
from contextlib import suppress

from streams.clients.errors import ModelError
from streams.clients.triton import TritonReader
from streams.clients.triton_calls import Connection, translated

LOOK_AGAIN_S = 30.0
_LOOK_S = 5.0


class TritonReaders:
    """The readers of one server, each made when it is first asked for."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        """A server that does not say within `timeout_s` what it serves is not there."""
        self._url = url
        self._timeout_s = timeout_s
        self._served: dict[str, _Served] = {}

    async def get(self, model: str) -> TritonReader:
        """The reader for a model, `name@version` as Triton has them.

        Its own version is asked for now and then: somebody may serve another under that name.
        Raises ModelUnavailable or ModelDeadline where it never could be told.
        """
        name, _, number = model.rpartition("@")
        if model not in self._served:
            self._served[model] = _Served(TritonReader(self._url, name, number))
        return await self._served[model].known(self._timeout_s)

    async def close(self) -> None:
        """Close every channel."""
        for served in self._served.values():
            await served.close()


class _Served:
    """A reader, and when its version was last asked for."""

    def __init__(self, reader: TritonReader) -> None:
        self._reader = reader
        self._first: asyncio.Lock = asyncio.Lock()
        self._looked_at: float | None = None
        self._again: asyncio.Task[None] | None = None

    async def known(self, timeout_s: float) -> TritonReader:
        async with self._first:
            if self._looked_at is None:
                await self._reader.look(timeout_s)
                self._looked_at = _now()
        if _now() - self._looked_at > LOOK_AGAIN_S:
            # Nobody waits for it: what was known last is most likely still so.
            self._looked_at = _now()
            self._again = asyncio.create_task(self._look_again())
        return self._reader

    async def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
        await self._reader.close()

    async def _look_again(self) -> None:
        with suppress(ModelError):
            await self._reader.look(_LOOK_S)


async def is_served(url: str, model: str, timeout_s: float = 3.0) -> bool | None:
    """Whether a model, `name@version`, is there and ready; None where no server says so."""
    name, _, number = model.rpartition("@")
    connection = Connection(url)
    try:
        with translated():
            found = await connection.client.is_model_ready(name, number, client_timeout=timeout_s)
            return bool(found)
    except ModelError:
        return None
    finally:
        await connection.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
