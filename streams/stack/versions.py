"""The indexers and writers of index versions, which come and go while the stack runs.

The version of the settings has its workers from the beginning. For each other one that `control`
has not retired this starts an indexer and a writer, `indexer@NAME` and `writer@NAME`. What goes
wrong with them ends neither the stack nor another version.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from aiokafka.errors import KafkaError

from processors.builtin import built_in
from processors.indexversions import active
from streams.clients.kafka import LogClient
from streams.config import Settings
from streams.errors import FreshetError
from streams.stack import workers
from streams.stack.part import Part
from streams.views.control import ControlView

ROLES = ("indexer", "writer")
_AGAIN_S = 2.0


class Host(Protocol):
    """Who runs the parts."""

    def add(self, part: Part) -> None:
        """Start a part, and keep it running."""
        ...

    async def remove(self, name: str) -> None:
        """Stop a part; returns when nothing of it is left."""
        ...


class VersionParts:
    """Starts and stops what `control` asks for."""

    def __init__(
        self,
        settings: Settings,
        log: LogClient,
        roles: tuple[str, ...],
        host: Host,
        report: Callable[[str], None],
    ) -> None:
        """`roles` are those of `ROLES` that this machine runs."""
        self._settings = settings
        self._log = log
        self._roles = roles
        self._host = host
        self._report = report
        self._running: set[str] = set()

    async def run(self) -> None:
        """Follow `control` until cancelled, through whatever becomes of the broker."""
        while True:
            try:
                await self._follow()
            except (FreshetError, KafkaError) as error:
                self._report(f"index versions are not followed, but will be again: {error}")
            await asyncio.sleep(_AGAIN_S)

    async def _follow(self) -> None:
        view = ControlView(self._log, built_in(self._settings.triton.reader))
        news = asyncio.Event()
        view.listen(lambda _: news.set())
        try:
            await view.start(failed=news.set)
            while True:
                news.clear()
                view.check()
                await self._become(active(view.control).keys() - {self._settings.index_version})
                await news.wait()
        finally:
            await view.stop()

    async def _become(self, wanted: set[str]) -> None:
        for version in sorted(wanted - self._running):
            for role in self._roles:
                self._host.add(workers.of_version(self._settings, role, version))
            self._running.add(version)
        for version in sorted(self._running - wanted):
            await asyncio.gather(
                *(self._host.remove(workers.name_of(role, version)) for role in self._roles)
            )
            self._running.discard(version)
