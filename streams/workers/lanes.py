"""What an answerer has for each index version: how far it is, and who answers from it.

There is a lane for every version that is kept in step with the log, used or not: so a route that
goes over to another version finds it ready.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

import stamina

from processors.answer import Answerer
from processors.indexversions import active, active_spec
from processors.ports import Reader
from processors.version import IndexSpec
from schemas.control import ControlEvent, IndexVersion
from streams.views.control import ControlView
from streams.views.progress import IndexFollower

log = logging.getLogger(__name__)


class _NotYet(Exception):
    """An index version cannot be followed."""


class Lane(NamedTuple):
    """One index version."""

    follower: IndexFollower
    answerer: Answerer
    close: Callable[[], Awaitable[None]]
    """Lets go of its clients."""


class Lanes:
    """The lanes of an answerer, by index version, as `control` names them."""

    def __init__(
        self, make: Callable[[IndexSpec], Lane], control: ControlView, linger_s: float
    ) -> None:
        """A retired version's lane stays for `linger_s`: questions may be under way for it."""
        self._make = make
        self._control = control
        self._linger_s = linger_s
        self._lanes: dict[str, Lane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Read how far each index is, and follow it; `control` has to be started before.

        One that cannot be followed yet keeps none of the others waiting.
        """
        self._control.listen(self._changed)
        starting = map(self._start, active(self._control.control))
        await asyncio.gather(*starting, return_exceptions=True)
        for version in active(self._control.control).keys() - self._lanes.keys():
            self._begin(version, self._open(version))

    async def stop(self) -> None:
        """Stop following."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for version in list(self._lanes):
            await self._close(version)

    def check(self) -> None:
        """Raise what ended the following of an index, if anything did."""
        for lane in self._lanes.values():
            lane.follower.check()

    async def wait(self, version: str, timeout_s: float) -> Lane | None:
        """The lane of an index version; None where there is none within the time."""
        try:
            async with asyncio.timeout(timeout_s):
                while (lane := self._lanes.get(version)) is None:
                    await self._news.wait()
                return lane
        except TimeoutError:
            return None

    def read_time(self) -> int | None:
        """The index time that the version which is furthest behind has come to.

        Those that are still being built do not count, nor do those that stand still.
        """
        serving = [
            name
            for name, one in active(self._control.control).items()
            if one.state == "serving" and one.as_of is None
        ]
        lanes = [lane for name in serving if (lane := self._lanes.get(name)) is not None]
        times = [lane.follower.progress.read_time() for lane in lanes]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(serving) else None

    def _changed(self, event: ControlEvent) -> None:
        if not isinstance(event, IndexVersion):
            return
        name = event.name
        if active_spec(self._control.control, name) is None:
            self._begin(name, self._linger(name))
        elif name not in self._lanes:
            self._begin(name, self._open(name))

    def _begin(self, version: str, work: Coroutine[Any, Any, None]) -> None:
        if (before := self._tasks.pop(version, None)) is not None:
            before.cancel()
        self._tasks[version] = asyncio.create_task(work, name=f"lane of {version}")

    async def _open(self, version: str) -> None:
        """Until it is there: its topics may come a moment after the word of it."""
        again = stamina.retry_context(
            on=_NotYet, attempts=None, timeout=None, wait_initial=0.2, wait_max=5.0
        )
        async for attempt in again:
            with attempt:
                await self._start(version)

    async def _linger(self, version: str) -> None:
        await asyncio.sleep(self._linger_s)
        await self._close(version)

    async def _start(self, version: str) -> None:
        spec = active_spec(self._control.control, version)
        if spec is None:
            return
        lane = self._make(spec)
        try:
            await lane.follower.start()
        except BaseException as error:
            await lane.close()
            if not isinstance(error, Exception):
                raise
            log.warning("index version %s cannot be followed yet: %s", version, error)
            raise _NotYet from error
        self._lanes[version] = lane
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _close(self, version: str) -> None:
        if (lane := self._lanes.pop(version, None)) is not None:
            await lane.follower.stop()
            await lane.close()


Readers = Callable[[str], Awaitable[Reader]]
"""Gives the reader for a model, `name@version`."""
