"""Following topics for as long as a process runs."""

import asyncio
from collections.abc import Callable, Mapping

from streams.clients.kafka import LogClient, Record


class Follower:
    """A task that hands every record from `start` on to `take`, partition by partition in order."""

    def __init__(self, log: LogClient, take: Callable[[Record], None]) -> None:
        self._log = log
        self._take = take
        self._task: asyncio.Task[None] | None = None

    def start(
        self, start: Mapping[str, Mapping[int, int]], failed: Callable[[], None] = lambda: None
    ) -> None:
        """Begin at these offsets of these topics; `failed` is called should the task end."""
        self._task = asyncio.create_task(self._follow(start), name=f"follow {', '.join(start)}")
        self._task.add_done_callback(lambda task: None if task.cancelled() else failed())

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def works(self) -> bool:
        """Whether records still come."""
        return self._task is not None and not self._task.done()

    def check(self) -> None:
        """Raise what ended the following, if anything did."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _follow(self, start: Mapping[str, Mapping[int, int]]) -> None:
        async for record in self._log.follow(start, start=start):
            self._take(record)
