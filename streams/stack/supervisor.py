"""Starts the parts as their needs allow, keeps them running, and stops them in reverse order."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Sequence

from streams.config import Settings
from streams.errors import FreshetError, StackError
from streams.stack import kafka, logs, parts, ports, status
from streams.stack.lock import StackLock
from streams.stack.part import Part
from streams.stack.runner import Runner
from streams.stack.status import StackStatus

ROTATE_S = 10.0
LEAST_FREE_BYTES = 300_000_000
DYING_STACK_S = 20.0

Report = Callable[[str], None]


def run(
    settings: Settings,
    only: Sequence[str],
    report: Report,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Run the stack until a signal asks to stop. Raises FreshetError when it cannot.

    Whatever happens, nothing is left running when this returns or raises.
    """
    settings = parts.with_ports(settings)
    lock = StackLock(settings.state_dir)
    lock.acquire(wait_s=DYING_STACK_S)
    try:
        _check_disk(settings)
        built = parts.build(settings, only)
        ports.check(listener for part in built for listener in part.listeners)
        if _uses_other_kafka(built):
            asyncio.run(kafka.create_topics(settings))
        asyncio.run(Supervisor(settings, built, lock, report, on_ready).run())
    finally:
        lock.release()


class Supervisor:
    """The parts of one stack."""

    def __init__(
        self,
        settings: Settings,
        built: Sequence[Part],
        lock: StackLock,
        report: Report,
        on_ready: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._report = report
        self._on_ready = on_ready
        self._began = time.monotonic()
        self._lock_fd = lock.fd
        self._parts: list[Part] = []
        self._runners: dict[str, Runner] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._status = StackStatus(os.getpid(), time.time(), [])
        self._stop = asyncio.Event()
        for part in built:
            self._take(part)
        self._first = list(self._runners.values())

    async def run(self) -> None:
        """Start everything, wait for a signal, stop everything. Raises FreshetError."""
        self._watch_signals()
        self._write()
        needs = parts.needs(self._parts)
        for name, runner in self._runners.items():
            self._lives[name] = asyncio.create_task(runner.live(self._named(needs[name])))
        first = set(self._lives.values())
        chores = [self._rotate(), self._announce(), self._follow_versions()]
        running = [asyncio.create_task(chore) for chore in chores]
        try:
            await self._until_stop(first)
        finally:
            for chore in running:
                chore.cancel()
            await asyncio.wait(running)
            await self._stop_all()
            self._report("stopped")

    def add(self, part: Part) -> None:
        """Start a part beside the others, and keep it running. Its end is not the stack's."""
        self._take(part)
        self._lives[part.name] = asyncio.create_task(self._attend(part))
        self._write()

    async def remove(self, name: str) -> None:
        """Stop a part that was added; returns when nothing of it is left."""
        life = self._lives[name]
        life.cancel()
        await asyncio.wait([life])
        self._status.parts.remove(self._runners[name].status)
        self._parts.remove(self._runners[name].part)
        del self._runners[name], self._lives[name]
        self._write()
        self._report(f"{name:<10} stopped")

    def _take(self, part: Part) -> None:
        self._parts.append(part)
        runner = Runner(part, self._settings, self._lock_fd, self._changed)
        self._runners[part.name] = runner
        self._status.parts.append(runner.status)

    def _named(self, names: Iterable[str]) -> list[Runner]:
        return [self._runners[name] for name in names]

    async def _attend(self, part: Part) -> None:
        needs = self._named(name for name in part.needs if name in self._runners)
        try:
            await self._runners[part.name].live(needs)
        except FreshetError as error:
            self._report(f"{part.name:<10} is given up: {error}")

    async def _follow_versions(self) -> None:
        """Behind the start of the first parts, which nothing should make slower."""
        for runner in self._first:
            await runner.is_ready.wait()
        from streams.clients.kafka import Log
        from streams.stack.versions import ROLES, VersionParts

        if roles := tuple(role for role in ROLES if role in self._runners):
            log = Log(self._settings.kafka)
            await VersionParts(self._settings, log, roles, self, self._report).run()

    async def _until_stop(self, lives: set["asyncio.Task[None]"]) -> None:
        """Returns when asked to stop; raises what made a part give up."""
        stop = asyncio.create_task(self._stop.wait())
        ended, _ = await asyncio.wait({stop, *lives}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for life in ended - {stop}:
            life.result()

    async def _stop_all(self) -> None:
        """Each part ends after those that need it, and as many at once as that allows."""
        above = parts.dependants(self._parts)

        async def stop(name: str) -> None:
            await asyncio.gather(*(stopping[other] for other in above[name]))
            self._lives[name].cancel()
            await asyncio.wait([self._lives[name]])

        stopping: dict[str, asyncio.Task[None]] = {}
        for part in reversed(self._parts):
            stopping[part.name] = asyncio.create_task(stop(part.name))
        await asyncio.gather(*stopping.values())

    async def _announce(self) -> None:
        for runner in self._first:
            await runner.is_ready.wait()
        self._status.ready_in_s = round(time.monotonic() - self._began, 2)
        self._write()
        self._report(f"all {len(self._first)} parts ready in {self._status.ready_in_s:.1f} s")
        self._on_ready()

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(ROTATE_S)
            for runner in self._runners.values():
                logs.rotate(runner.log)

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        """The first signal stops politely, the second at once."""
        if self._stop.is_set():
            for runner in self._runners.values():
                runner.kill()
        else:
            self._report("stopping")
            self._stop.set()

    def _changed(self, runner: Runner, news: str) -> None:
        self._write()
        if news:
            self._report(f"{runner.part.name:<10} {news}")

    def _write(self) -> None:
        status.write(self._settings.state_dir, self._status)


def _uses_other_kafka(built: Sequence[Part]) -> bool:
    """Whether a part needs a broker that is not ours to start."""
    return any("kafka" in part.needs for part in built) and "kafka" not in {p.name for p in built}


def _check_disk(settings: Settings) -> None:
    free = shutil.disk_usage(settings.state_dir).free
    if free < LEAST_FREE_BYTES:
        raise StackError(
            f"only {free // 1_000_000} MB are free in {settings.state_dir.resolve()}; free some "
            "space, or name a folder on another disk in FRESHET_STATE_DIR"
        )
