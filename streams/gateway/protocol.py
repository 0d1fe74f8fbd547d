"""HTTP/1.1 as uvicorn has it, where a connection for which nothing is done ends in time.

uvicorn waits for ever for the first request of a connection, for the rest of a head that has
begun, and for the body of a request that it has answered already, as long as now and then a byte
comes: a thousand callers who say next to nothing would be all that it ever hears.
"""

import asyncio
from asyncio import TimerHandle

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Bounded(H11Protocol):
    """One connection."""

    head_timeout_s = 10.0
    _late: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._unwatch()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Go on with what has come, and wait where a head is still not whole."""
        super().handle_events()
        self._mind()

    def on_response_complete(self) -> None:
        """Wait for the next request, and for what the answered one has not sent yet."""
        super().on_response_complete()
        self._mind()

    def _mind(self) -> None:
        """Nobody works for a caller whose head is not whole, or who has its answer already."""
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._watch()
        else:
            self._unwatch()

    def _watch(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        self.timeout_keep_alive_handler()
