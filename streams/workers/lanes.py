"""What an answerer has for each index version: how far it is, and who answers from it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from processors.answer import Answerer
from processors.ports import Reader
from streams.views.progress import IndexFollower


class Lane(NamedTuple):
    """One index version."""

    follower: IndexFollower
    answerer: Answerer


class Lanes:
    """The lanes of an answerer, by index version."""

    def __init__(self, make: Callable[[str], Lane], versions: Iterable[str]) -> None:
        self._lanes = {version: make(version) for version in versions}

    async def start(self) -> None:
        """Read how far each index is, and follow it."""
        await asyncio.gather(*(lane.follower.start() for lane in self._lanes.values()))

    async def stop(self) -> None:
        """Stop following."""
        for lane in self._lanes.values():
            await lane.follower.stop()

    def check(self) -> None:
        """Raise what ended the following of an index, if anything did."""
        for lane in self._lanes.values():
            lane.follower.check()

    def get(self, version: str) -> Lane | None:
        """The lane of an index version; None where this worker has none."""
        return self._lanes.get(version)

    def read_time(self) -> int | None:
        """The index time that the version which is furthest behind has come to."""
        times = [lane.follower.progress.read_time() for lane in self._lanes.values()]
        known = [time for time in times if time is not None]
        return min(known) if len(known) == len(times) else None


Readers = Callable[[str], Awaitable[Reader]]
"""Gives the reader for a model, `name@version`."""
