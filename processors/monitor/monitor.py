"""The monitor: events in, in any order; what moved and which objectives are missed, out.

Events wait in windows of event time until nothing late can come; then they are fed, in event time,
to the detectors of their figures and to the objectives. So whatever order they came in, the same
events give the same alarms: live, after a crash and in a replay.

Nothing that waits in an open window is part of the state that is kept: `saved` is how things stood
when the last window closed, and the events since are read from the log again.

Objectives are asked at each window's end, before anything later is looked at. So it does not matter
how often `close` is called, nor how many windows it finds complete.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct, msgpack

from processors.alerts.burn import BurnRates
from processors.alerts.drift import DriftAlerts
from processors.alerts.rules import Rule
from processors.drift.windows import ClosedWindow, Part, Row, Windows, WindowSpec, WindowsState
from processors.monitor import told
from processors.monitor.observations import (
    FIGURES,
    VECTORS,
    Observation,
    Observed,
    packed,
    unpacked,
)
from processors.monitor.stream import Stream, StreamSpec, Value
from schemas.monitoring import Alert, Drift

OTHERS = Part("(others)", "")
"""Where the traffic of those goes for whom there is no room of their own."""

_SECOND = 1_000_000
_TEXTS = 256
"""Of a source: the texts that examples may show, those of its last events."""

Taken = Literal["taken", "duplicate", "late", "fault"]
Key = tuple[str, str, str]
"""Figure, tenant, route."""


class MonitorSpec(Struct, frozen=True, kw_only=True):
    """Times in microseconds."""

    window: int = 5 * _SECOND
    lateness: int = 5 * _SECOND
    ahead: int = 60 * _SECOND
    """How far before the clock an event time may be: further, it is a fault."""
    parts: int = 1000
    """Tenants and routes that are watched on their own."""
    stream: StreamSpec = StreamSpec()


class Kept(Struct, kw_only=True):
    """What is to be kept beside the streams."""

    closed_at: dict[str, int]
    """Source to the event time that it had come to when its windows were last closed."""
    burn: dict[str, bytes]
    """Source to the counts of its objectives."""
    drifting: dict[str, bytes]
    """Source to its alerts of drift."""
    parts: list[Part]
    texts: dict[str, dict[str, str]] = {}
    """Source to what its last events say, by their ids."""


class FigureState(NamedTuple):
    """Of one figure: in how many parts of the traffic it is in alarm, how near the nearest is to
    one, and the events of the largest reference."""

    figure: str
    active: int
    nearness: float
    reference_events: int


class Told(Struct, frozen=True):
    """An event to send. Its id is the same whenever the same thing is told again."""

    id: str
    event: Drift | Alert


class Monitor:
    """Not thread-safe. Give it what `saved` and the streams' blobs were to go on."""

    def __init__(
        self,
        spec: MonitorSpec,
        rules: Sequence[Rule],
        kept: Kept | None = None,
        streams: Mapping[Key, tuple[bytes, bytes]] | None = None,
    ) -> None:
        closed_at = kept.closed_at if kept is not None else {}
        burn = kept.burn if kept is not None else {}
        drifting = kept.drifting if kept is not None else {}
        windows = WindowSpec(length=spec.window, lateness=spec.lateness)
        self._spec = spec
        self._windows = {
            source: Windows(windows, msgpack.encode(WindowsState(at, at)))
            for source in FIGURES
            for at in [closed_at.get(source, 0)]
        }
        self._asked = {source: one.closed_before for source, one in self._windows.items()}
        self._burn = {
            source: BurnRates([r for r in rules if r.metric in figures], burn.get(source))
            for source, figures in FIGURES.items()
        }
        self._drifting = {source: DriftAlerts(state=drifting.get(source)) for source in FIGURES}
        self._parts = dict.fromkeys(kept.parts if kept is not None else ())
        self._streams: dict[Key, Stream] = {
            key: Stream(_kind(key[0]), spec.stream, *blobs)
            for key, blobs in (streams or {}).items()
        }
        texts = kept.texts if kept is not None else {}
        self._texts = {source: OrderedDict(texts.get(source, {})) for source in FIGURES}
        self._touched: set[Key] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        """Figures by what became of them; for who reads it to clear."""

    def take(self, one: Observation, now: int) -> Taken:
        """Take one event; `close` then says what that has shown."""
        taken: Taken = "fault"
        if one.at <= now + self._spec.ahead:
            row = Row(one.event_id, one.at, packed(one.seen))
            taken = self._windows[one.source].add(one.part, row)
        figures = [*one.seen.figures, *([one.seen.vector[0]] if one.seen.vector else [])]
        self.counts.update((figure, taken) for figure in figures)
        return taken

    def advance(self, source: str, at: int) -> None:
        """Let time pass where nothing is left to come: windows close, alerts fall silent."""
        self._windows[source].advance(at)

    def closed_before(self, source: str) -> int:
        """Event times before this are in closed windows."""
        return self._windows[source].closed_before

    def close(self, upto: Mapping[str, int] | None = None) -> list[Told]:
        """Look at all windows that are complete; `upto` holds the time of a source back."""
        told: list[Told] = []
        for source, windows in self._windows.items():
            closed = windows.close((upto or {}).get(source))
            for end, some in groupby(closed, lambda window: window.end):
                told += self._objectives(source, end - self._spec.window)
                for part, rows in self._by_room(some):
                    told += self._look_at(source, part, rows)
            told += self._objectives(source, windows.closed_before)
        return told

    def saved(self) -> Kept:
        """All that is kept beside the streams."""
        burn = {source: rates.snapshot() for source, rates in self._burn.items()}
        closed_at = {source: one.closed_at for source, one in self._windows.items()}
        return Kept(
            closed_at=closed_at,
            burn=burn,
            drifting={source: alerts.snapshot() for source, alerts in self._drifting.items()},
            parts=list(self._parts),
            texts={source: dict(texts) for source, texts in self._texts.items()},
        )

    def firing(self) -> list[Alert]:
        """Alerts that hold now."""
        return [
            alert
            for source in FIGURES
            for alert in (*self._burn[source].firing(), *self._drifting[source].firing())
        ]

    def changed(self) -> Iterator[tuple[Key, bytes | None, bytes]]:
        """Streams that have changed since the last call: the reference where it did, the rest."""
        for key in sorted(self._touched):
            stream = self._streams[key]
            fixed = stream.fixed() if stream.fixed_changed else None
            yield key, fixed, stream.moving()
        self._touched.clear()

    def states(self) -> list[FigureState]:
        """How each figure stands."""
        found: dict[str, FigureState] = {}
        for (figure, _, _), stream in self._streams.items():
            _, active, nearness, events = found.get(figure, FigureState(figure, 0, 0.0, 0))
            found[figure] = FigureState(
                figure,
                active + stream.alarmed,
                max(nearness, stream.nearness),
                max(events, stream.reference_events),
            )
        return list(found.values())

    def _by_room(self, windows: Iterable[ClosedWindow]) -> Iterator[tuple[Part, list[Row]]]:
        """The events of windows of one time, by the part of the traffic that is watched.

        Who has room is seen to only here: in which order events are taken is chance.
        """
        found: dict[Part, list[Row]] = {}
        for window in windows:
            found.setdefault(self._room(window.part), []).extend(window.rows)
        others = found.get(OTHERS, [])
        others.sort(key=attrgetter("at", "event_id"))
        yield from found.items()

    def _look_at(self, source: str, part: Part, rows: Sequence[Row]) -> Iterator[Told]:
        for row in rows:
            assert isinstance(row.value, bytes)
            seen: Observed = unpacked(row.value)
            self._remember(source, row.event_id, seen.text)
            for figure, value in seen.figures.items():
                self._burn[source].observe(figure, value, row.at)
                yield from self._update(source, figure, part, row, value)
            if seen.vector is not None:
                figure, raw = seen.vector
                vector = np.frombuffer(raw, "<f4")
                yield from self._update(source, figure, part, row, vector)

    def _remember(self, source: str, event_id: str, text: str | None) -> None:
        texts = self._texts[source]
        if text is not None:
            texts[event_id] = text
            texts.move_to_end(event_id)
        while len(texts) > _TEXTS:
            texts.popitem(last=False)

    def _update(
        self, source: str, figure: str, part: Part, row: Row, value: Value
    ) -> Iterator[Told]:
        key = (figure, part.tenant, part.route)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream(_kind(figure), self._spec.stream)
        self._touched.add(key)
        fault, moved = stream.update(row.event_id, row.at, value)
        if fault is not None:
            self.counts[figure, "fault"] += 1
        for one in moved:
            event = told.drift(figure, part, one, self._texts[source])
            yield Told(told.name_of(event), event)
            yield from map(_told, self._drifting[source].observe(event))

    def _objectives(self, source: str, end: int) -> Iterator[Told]:
        """Ask at each window's end that time has passed; not where there is nothing to say."""
        length = self._spec.window
        burn, drifting = self._burn[source], self._drifting[source]
        for at in range(self._asked[source] + length, end + 1, length):
            if burn.idle and drifting.idle:
                break
            yield from map(_told, burn.evaluate(at))
            yield from map(_told, drifting.evaluate(at))
        self._asked[source] = max(self._asked[source], end)

    def _room(self, part: Part) -> Part:
        if part not in self._parts:
            if len(self._parts) >= self._spec.parts:
                return OTHERS
            self._parts[part] = None
        return part


def _kind(figure: str) -> Literal["vectors", "values"]:
    return "vectors" if figure in VECTORS else "values"


def _told(alert: Alert) -> Told:
    part = "/".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    return Told(f"{alert.rule}/{part}/{alert.state}@{alert.since}", alert)
