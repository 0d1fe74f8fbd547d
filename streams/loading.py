"""A command's work on documents: rounds of sending, and waiting for the index to show them."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from streams.clients.kafka import LogClient, Position
from streams.sources.event import Found, Skipped
from streams.writes import NotShown, ShownFrom, Written, send_all

SOURCE = "/freshet/documents/"
"""`ce_source` of what the commands send, the command's name after it."""


class Round(NamedTuple):
    """What became of one round."""

    written: list[Written]
    skipped: list[Skipped]
    shown: dict[int, int] | None = None
    """By partition, the index time from which all of it shows; None when nobody waited."""
    late: NotShown | None = None
    """The index did not show it in time."""

    @property
    def deleted(self) -> int:
        """How many of the writes were deletions."""
        return sum(write.is_deletion for write in self.written)

    @property
    def last(self) -> list[Position]:
        """The last write in each partition, by partition."""
        found = {write.position.partition: write.position for write in self.written}
        return [found[partition] for partition in sorted(found)]


class Loader:
    """Sends rounds of documents for one command."""

    def __init__(
        self, log: LogClient, command: str, index_version: str, wait_s: float | None
    ) -> None:
        """`wait_s` bounds the wait for the index after a round; None does not wait."""
        self._log = log
        self._source = SOURCE + command
        self._version = index_version
        self._wait_s = wait_s

    async def send(self, found: Iterable[Found], step: Callable[[], None]) -> Round:
        """One round; `step` is called as each event is in the log, or skipped."""
        waiting = self._wait_s is not None
        shown_from = await ShownFrom.at_now(self._log, self._version) if waiting else None
        done = Round([], [])
        async for outcome in send_all(self._log, found, self._source, _now_us):
            if isinstance(outcome, Skipped):
                done.skipped.append(outcome)
            else:
                done.written.append(outcome)
            step()
        if shown_from is None or self._wait_s is None:
            return done
        last = done.last
        try:
            times = await shown_from.wait(last, self._wait_s) if last else []
        except NotShown as late:
            return done._replace(late=late)
        return done._replace(
            shown={at.partition: time for at, time in zip(last, times, strict=True)}
        )


async def left_over(log: LogClient, prefix: str, is_there: Callable[[str], bool]) -> list[str]:
    """Names below a prefix that have a document in the log and are not there any more."""
    held: dict[str, bool] = {}
    async for record in log.read("documents"):
        doc_id = (record.key or b"").decode(errors="replace")
        if doc_id.startswith(f"{prefix}/"):
            held[doc_id.removeprefix(f"{prefix}/")] = record.value is not None
    return sorted(name for name, lives in held.items() if lives and not is_there(name))


def _now_us() -> int:
    return time.time_ns() // 1000
