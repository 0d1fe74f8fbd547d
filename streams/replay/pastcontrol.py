"""`control` as it stood at a moment, for a live worker that is run over the log once more."""

from bisect import bisect_right
from collections.abc import Iterable

from schemas.control import Calibration, ControlEvent
from streams.clients.kafka import LogClient, Record
from streams.control import TOPIC, event_in
from streams.views.control import ControlView


class PastControl(ControlView):
    """Goes forward only, by `upto`. Nothing is followed."""

    def __init__(
        self, log: LogClient, records: Iterable[Record], built_in: Iterable[ControlEvent] = ()
    ) -> None:
        """`records` are those of `control`, by the time at which they were logged."""
        super().__init__(log, built_in)
        self._records = list(records)

    async def start(self, failed: object = None) -> None:
        """Nothing is in force yet but what is built in."""

    async def stop(self) -> None:
        """Nothing is held."""

    def check(self) -> None:
        """Nothing fails."""

    def upto(self, count: int) -> None:
        """Let the first `count` records be in force."""
        for record in self._records[:count]:
            self._take(record)


async def control_records(log: LogClient) -> list[Record]:
    """All of `control`, by the time at which it was logged."""
    found = [record async for record in log.read(TOPIC)]
    return sorted(found, key=lambda one: (one.timestamp_ms, one.partition, one.offset))


class Epochs:
    """The stretches of time between which what judges an answer may have changed."""

    def __init__(self, records: Iterable[Record]) -> None:
        """`records` by time, as `control_records` gives them."""
        self._counts = [0]
        self._times: list[int] = []
        for number, record in enumerate(records, start=1):
            if _is_calibration(record):
                self._counts.append(number)
                self._times.append(record.timestamp_ms * 1000)

    def between(self, start: int, end: int) -> list[int]:
        """How many records were in force, at any moment of [start, end] (µs)."""
        first, last = (bisect_right(self._times, at) for at in (start, end))
        return self._counts[first : last + 1]


def _is_calibration(record: Record) -> bool:
    try:
        return isinstance(event_in(record), Calibration)
    except ValueError:
        return False
