"""A report for each window of event time, once it is closed; each once."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from monitoring.reports import MadeReport, kept_metadata
from schemas.times import format_time
from streams.errors import FreshetError
from streams.reports.choose import Span, Wanted
from streams.reports.make import Maker, NothingToCompare

GROUP = "freshet-judge"
BACKLOG = 24
"""Windows before now that are made up for, at most."""
_LOOK_S = 5.0


class JudgedLog(Protocol):
    """What tells how far the judge has come; `Log` is one."""

    async def since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """The first offset at or after a time, by partition; the end where there is none."""
        ...

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Where a consumer group goes on, by partition."""
        ...


class Follower:
    """Makes reports of one tenant's windows of `every` microseconds.

    A window is closed when the clock has passed its end by the lateness and the judge has
    evaluated every answer that was logged until then.
    """

    def __init__(
        self,
        maker: Maker,
        log: JudgedLog,
        wanted: Wanted,
        every: int,
        lateness: int,
        clock: Callable[[], int],
    ) -> None:
        self._maker = maker
        self._log = log
        self._wanted = wanted
        self._every = every
        self._lateness = lateness
        self._clock = clock
        self._next: int | None = None
        """The end of the next window to look at."""

    async def run(self, made: Callable[[MadeReport], None]) -> None:
        """For ever; where a server is away the window waits for it."""
        said = ""
        while True:
            try:
                async for report in self.reports():
                    made(report)
                said = ""
            except FreshetError as error:
                if str(error) != said:
                    self._maker.say(f"waiting: {error}")
                said = str(error)
            await asyncio.sleep(_LOOK_S)

    async def reports(self) -> AsyncIterator[MadeReport]:
        """Those of the windows that are closed by now and have none yet."""
        now = self._clock()
        if self._next is None:
            self._next = await asyncio.to_thread(self._first, now)
        while self._next + self._lateness <= now and await self._is_judged(self._next):
            report = await self._report(self._next)
            self._next += self._every
            if report is not None:
                yield report

    async def _report(self, end: int) -> MadeReport | None:
        span = Span(end - self._every, end)
        self._maker.say(f"window {format_time(span.since)} to {format_time(span.until)}")
        wanted = Wanted(tenant=self._wanted.tenant, route=self._wanted.route, current=span)
        try:
            return await self._maker.make(wanted, {"window": _name(span)})
        except NothingToCompare as error:
            self._maker.say(f"no report: {error}")
            return None

    async def _is_judged(self, end: int) -> bool:
        wanted = await self._log.since("responses", (end + self._lateness) // 1000)
        done = await self._log.committed(GROUP, "responses")
        return all(done.get(partition, 0) >= offset for partition, offset in wanted.items())

    def _first(self, now: int) -> int:
        """After the newest window of this length that has a report; at first, the last closed."""
        last = (now - self._lateness) // self._every * self._every
        kept = kept_metadata(self._maker.workspace, self._wanted.project)
        ends = [end for one in kept if (end := _end(one, self._every)) is not None]
        if not ends:
            return last
        return max(max(ends) + self._every, last - BACKLOG * self._every)


@contextmanager
def alone(workspace: Path, project: str) -> Iterator[None]:
    """Nobody else makes the windows of this project in the block.

    Raises:
        FreshetError: somebody does.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    with (workspace / f".{project.replace('/', '-')}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FreshetError(
                f"reports of {project} are made already, by `freshet dashboards` or another "
                "`freshet report drift --follow`"
            ) from None
        yield


def _name(span: Span) -> str:
    return f"{span.since}/{span.until}"


def _end(metadata: Mapping[str, Any], every: int) -> int | None:
    since, _, until = str(metadata.get("window", "")).partition("/")
    if not (since.isdecimal() and until.isdecimal()) or int(until) - int(since) != every:
        return None
    return int(until)
