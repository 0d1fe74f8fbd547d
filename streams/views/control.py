"""What is in force, followed live."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from processors.control import Control
from schemas.control import ControlEvent
from streams.clients.kafka import LogClient, Record
from streams.control import TOPIC, Seen, changes, take
from streams.views.follower import Follower

_T = TypeVar("_T")


class ControlView:
    """Reads `control` from its beginning, then follows it."""

    def __init__(self, log_client: LogClient, built_in: Iterable[ControlEvent] = ()) -> None:
        self._log = log_client
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[ControlEvent], None]] = []
        self.follower = Follower(log_client, self._take)
        self.control = Control(built_in)

    async def start(self, failed: Callable[[], None] = lambda: None) -> None:
        """Read what there is; from then on changes count as they come.

        `failed` is called should the following end.
        """
        ends = await self._log.ends(TOPIC)
        async for seen in changes(self._log, self.control):
            self._tell(seen)
        self.follower.start({TOPIC: ends}, failed)

    async def stop(self) -> None:
        """Stop following."""
        await self.follower.stop()

    def check(self) -> None:
        """Raise what ended the following, if anything did."""
        self.follower.check()

    def listen(self, listener: Callable[[ControlEvent], None]) -> None:
        """Call `listener` with each change that counts, those of the start included."""
        self._listeners.append(listener)

    async def wait(self, ask: Callable[[], _T | None], timeout_s: float) -> _T | None:
        """The first answer of `ask` that is not None, asked at each change; None at the timeout."""
        try:
            async with asyncio.timeout(timeout_s):
                while (found := ask()) is None:
                    await self._changed.wait()
                return found
        except TimeoutError:
            return None

    def _take(self, record: Record) -> None:
        self._tell(take(self.control, record))

    def _tell(self, seen: Seen) -> None:
        if seen.event is None:
            return
        for listener in self._listeners:
            listener(seen.event)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
