"""A worker that stood still for too long is no longer trusted.

Its group gives its partitions away when it is not heard of for the length of a session: the
machine slept, or the process was stopped. When it goes on, what it has half done may be done by
another already. It must end before it does anything more.
"""

import asyncio
import time
from collections.abc import Callable

_BEATS = 8
"""How many times within the limit it looks."""


def awake_s() -> float:
    """Seconds that pass while the machine sleeps, too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Watchdog:
    """Notices that the event loop has not run for `limit_s`, before any task runs again."""

    def __init__(
        self,
        limit_s: float,
        on_stall: Callable[[float], None],
        clock: Callable[[], float] = awake_s,
    ) -> None:
        """`on_stall` is called with the seconds for which nothing ran."""
        self._limit_s = limit_s
        self._on_stall = on_stall
        self._clock = clock
        self._last = clock()

    def start(self) -> None:
        """Begin; call it in the event loop."""
        self._last = self._clock()
        self._wait()

    def beat(self) -> None:
        """Look at the clock. A timer's callback: the loop runs it before it wakes a task."""
        now = self._clock()
        stood_still, self._last = now - self._last, now
        if stood_still >= self._limit_s:
            self._on_stall(stood_still)
        self._wait()

    def _wait(self) -> None:
        asyncio.get_running_loop().call_later(self._limit_s / _BEATS, self.beat)
