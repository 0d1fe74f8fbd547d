"""The life of one part: wait for what it needs, start, watch, start again."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from streams.config import Settings
from streams.errors import FreshetError, StackError
from streams.stack import logs
from streams.stack.backoff import Backoff
from streams.stack.part import Part
from streams.stack.process import Process
from streams.stack.status import PartStatus, State

POLL_S = 0.1
WATCH_S = 2.0


class Runner:
    """Cancel `live` to stop the part: it returns when nothing of it is left."""

    def __init__(
        self,
        part: Part,
        settings: Settings,
        lock_fd: int,
        changed: Callable[["Runner", str], None],
    ) -> None:
        self.part = part
        self.is_ready = asyncio.Event()
        self.log: Path = logs.path(settings.state_dir, part.name)
        self.status = PartStatus(part.name, part.address, str(self.log))
        self._settings = settings.stack
        self._lock_fd = lock_fd
        self._changed = changed
        self._began = time.monotonic()
        self._backoff = Backoff()
        self._process: Process | None = None

    async def live(self, needs: Sequence["Runner"]) -> None:
        """Run the part until cancelled. Raises FreshetError when it cannot be started at all."""
        try:
            while True:
                for need in needs:
                    await need.is_ready.wait()
                ready_for_s = await self._run()
                self.is_ready.clear()
                await self._pause(self._backoff.ended(ready_for_s=ready_for_s))
        finally:
            self.is_ready.clear()
            self._move(State.STOPPED, pid=None)

    def kill(self) -> None:
        """End the running process now; `live` goes on as if it had crashed."""
        if self._process is not None:
            self._process.kill()

    async def _run(self) -> float | None:
        """One run to its end; gives the seconds that it was ready, None when it never was."""
        self._move(State.STARTING, pid=None)
        started = time.monotonic()
        try:
            command = await asyncio.to_thread(self.part.prepare)
            self._process = await Process.start(
                command, self.log, self._settings.stop_grace_s, self._lock_fd
            )
        except (FreshetError, OSError) as error:
            self._not_started(error)
            return None
        try:
            self._move(State.STARTING, pid=self._process.pid)
            return await self._attend(self._process, started)
        finally:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                self._move(State.STOPPING)
            await self._process.stop()
            self._process = None

    def _not_started(self, error: Exception) -> None:
        if not self._backoff.was_ready:
            raise StackError(f"{self.part.name} cannot be started: {error}") from error
        self.status.last_end = f"not started: {error}"

    async def _attend(self, process: Process, started: float) -> float | None:
        ended = asyncio.ensure_future(process.wait())
        try:
            if not await self._become_ready(process, ended):
                return None
            ready = time.monotonic()
            self._is_up(ready - started, ready - self._began)
            await self._watch(process, ended)
            return time.monotonic() - ready
        finally:
            ended.cancel()

    async def _become_ready(self, process: Process, ended: "asyncio.Future[str]") -> bool:
        deadline = time.monotonic() + self._settings.start_timeout_s
        while time.monotonic() < deadline:
            if await self._has_ended(ended, POLL_S):
                return False
            if await self._answers(process):
                return True
        late = f"not ready within {self._settings.start_timeout_s:g} s"
        self.status.last_end = f"{late} ({self.status.last_end})" if self.status.last_end else late
        return False

    async def _answers(self, process: Process) -> bool:
        """Whether it is ready and what has to follow is done."""
        try:
            if not await self.part.ready(process.pid):
                return False
            if self.part.after_ready is not None:
                await self.part.after_ready()
        except FreshetError as error:
            self.status.last_end = str(error)
            return False
        return True

    async def _watch(self, process: Process, ended: "asyncio.Future[str]") -> None:
        """Return when the part has ended, or has failed its check for good or for too long."""
        well = time.monotonic()
        while not await self._has_ended(ended, WATCH_S):
            now, is_well = time.monotonic(), await self._is_well(process)
            if is_well is None:
                return
            if is_well:
                well = now
                self._move(State.READY)
            elif now - well > self.part.stall_s:
                self.status.last_end = f"failed its health check for {now - well:.0f} s"
                return
            else:
                self._move(State.UNWELL)

    async def _is_well(self, process: Process) -> bool | None:
        """None when only a restart helps."""
        try:
            return await self.part.ready(process.pid)
        except FreshetError as error:
            self.status.last_end = str(error)
            return None

    async def _has_ended(self, ended: "asyncio.Future[str]", within_s: float) -> bool:
        await asyncio.wait([ended], timeout=within_s)
        if ended.done():
            self.status.last_end = ended.result()
        return ended.done()

    async def _pause(self, delay_s: float | None) -> None:
        why = self.status.last_end or "ended"
        if delay_s is None:
            raise StackError(self._obituary(why))
        self.status.restarts += 1
        self._move(State.BACKOFF, f"{why}; starts again in {delay_s:g} s", pid=None)
        await asyncio.sleep(delay_s)

    def _is_up(self, startup_s: float, at_s: float) -> None:
        if self.status.startup_s is None:
            self.status.startup_s, self.status.at_s = round(startup_s, 2), round(at_s, 2)
        self.is_ready.set()
        where = f" at {self.part.address}" if self.part.address else ""
        self._move(State.READY, f"ready in {startup_s:.1f} s{where}")

    def _move(self, state: State, news: str = "", **changes: Any) -> None:
        if state is not self.status.state:
            self.status.since = time.time()
        elif not changes:
            return
        self.status.state = state
        for name, value in changes.items():
            setattr(self.status, name, value)
        self._changed(self, news)

    def _obituary(self, why: str) -> str:
        last = "\n  ".join(logs.telling(self.log))
        return (
            f"{self.part.name} {why} each time it was started; its log, {self.log}, ends:\n  {last}"
        )
