"""HTTP/1.1 as uvicorn has it, where the head of a request has to be there in time.

uvicorn waits for ever for the first request of a connection, and for the rest of a head that has
begun: a thousand callers who say nothing would be all that it ever hears.
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
        if self.conn.their_state is h11.IDLE:
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
