"""Windows by event time: which events lie in which minute, whatever order they arrive in.

Each tenant and route has tumbling windows of its own. A window may be closed once an event has
been seen that is more than the allowed lateness past its end; until it is, its events may arrive
in any order and any number of times. What is closed comes in event time, so that a detector fed
from windows gives the same alarms in a replay as live.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Literal

import msgspec
from msgspec import Struct

Taken = Literal["taken", "duplicate", "late"]
"""`late`: its window is closed; it is not counted, and whether it had been is not known."""


class WindowSpec(Struct, frozen=True, kw_only=True):
    """Times are in the unit of the events' `at`: microseconds, by custom."""

    length: int
    lateness: int


class Row(Struct, frozen=True):
    """One event: what was measured of it, at which event time."""

    event_id: str
    at: int
    value: float | bytes | None = None


class Part(Struct, frozen=True, order=True):
    """The part of the traffic that an event belongs to."""

    tenant: str
    route: str


class ClosedWindow(Struct, frozen=True):
    """The events of [start, end) by time, then id. There are none without events."""

    part: Part
    start: int
    end: int
    rows: tuple[Row, ...]


class OpenWindow(Struct):
    """A window that still takes events."""

    part: Part
    start: int
    rows: dict[str, Row]


class WindowsState(Struct):
    """All that `Windows` remembers: open windows, and up to where they are closed."""

    newest: int = 0
    closed_at: int = 0
    open: list[OpenWindow] = []


class Windows:
    """Takes events in any order, and gives closed windows in order of their ends."""

    def __init__(self, spec: WindowSpec, state: bytes | None = None) -> None:
        """Start anew, or from what `snapshot` gave."""
        self._spec = spec
        kept = WindowsState() if state is None else msgspec.msgpack.decode(state, type=WindowsState)
        self._newest = kept.newest
        self._closed_at = kept.closed_at
        self._open = {(one.start, one.part): one for one in kept.open}

    @property
    def closed_at(self) -> int:
        """The event time that it had come to when windows were last closed; 0 before that."""
        return self._closed_at

    @property
    def closed_before(self) -> int:
        """Events of earlier times are late: their windows are closed."""
        after = self._closed_at - self._spec.lateness
        return max(0, after - after % self._spec.length)

    def add(self, part: Part, row: Row) -> Taken:
        """Take one event; `close` then says which windows that has closed."""
        start = row.at - row.at % self._spec.length
        if start < self.closed_before:
            return "late"
        window = self._open.setdefault((start, part), OpenWindow(part, start, {}))
        if row.event_id in window.rows:
            return "duplicate"
        window.rows[row.event_id] = row
        self._newest = max(self._newest, row.at)
        return "taken"

    def advance(self, at: int) -> None:
        """Let time pass without an event: where a stream is idle, its windows close too."""
        self._newest = max(self._newest, at)

    def close(self, upto: int | None = None) -> list[ClosedWindow]:
        """Windows that are complete, by start, tenant and route; each once.

        `upto` holds time back: where events of a partition are read that are no newer than that,
        more may come for windows that the others have left behind.
        """
        newest = self._newest if upto is None else min(self._newest, upto)
        self._closed_at = max(self._closed_at, newest)
        before = self.closed_before
        done = sorted(key for key in self._open if key[0] < before)
        return [_closed(self._open.pop(key), self._spec.length) for key in done]

    def snapshot(self) -> bytes:
        """What it remembers."""
        return msgspec.msgpack.encode(
            WindowsState(self._newest, self._closed_at, list(self._open.values()))
        )


def _closed(window: OpenWindow, length: int) -> ClosedWindow:
    rows: Iterable[Row] = sorted(window.rows.values(), key=attrgetter("at", "event_id"))
    return ClosedWindow(window.part, window.start, window.start + length, tuple(rows))
