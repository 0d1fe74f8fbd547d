"""Drift as alerts: one begins with its drift event, and ends with it or after a time.

Novelty and mix tell when they end. After a figure moved, or went missing, what follows is the new
normal and no end is ever told: its alert falls silent by itself.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from schemas.monitoring import Alert, Drift

HOLD = 3600 * 1_000_000
"""How long an alert stands, in microseconds, of drift whose end is never told."""

_ENDS = ("novelty", "mix")
_RUNBOOK = "docs/drift.md"


class Standing(Struct, frozen=True):
    """An alert that is out, and when it ends by itself."""

    alert: Alert
    until: int | None


class DriftAlerts:
    """Alerts of drift that are out; at most one a figure, kind and part of the traffic."""

    def __init__(self, hold: int = HOLD, state: bytes | None = None) -> None:
        """Start anew, or from what `snapshot` gave."""
        self._hold = hold
        kept = [] if state is None else msgspec.msgpack.decode(state, type=list[Standing])
        self._out = {_key(one.alert): one for one in kept}

    def observe(self, drift: Drift) -> list[Alert]:
        """What a drift event begins or ends. Told again, or an end without a beginning: nothing.

        While a figure's alert is out, a further move of it makes it stand longer.
        """
        alert = from_drift(drift)
        if alert is None:
            return []
        key = _key(alert)
        before = self._out.get(key)
        if alert.state == "resolved":
            return [] if before is None else [self._end(key, alert)]
        until = None if drift.kind in _ENDS else drift.at + self._hold
        self._out[key] = Standing(before.alert if before else alert, until)
        return [] if before else [alert]

    def evaluate(self, now: int) -> list[Alert]:
        """What ends by itself by `now` (microseconds)."""
        due = [key for key, one in self._out.items() if one.until is not None and one.until <= now]
        return [
            self._end(key, msgspec.structs.replace(self._out[key].alert, at=now)) for key in due
        ]

    @property
    def idle(self) -> bool:
        """Whether nothing can end by itself: `evaluate` says nothing, whatever the time."""
        return all(one.until is None for one in self._out.values())

    def firing(self) -> list[Alert]:
        """The alerts that are out."""
        return [one.alert for one in self._out.values()]

    def snapshot(self) -> bytes:
        """What it remembers."""
        return msgspec.msgpack.encode(list(self._out.values()))

    def _end(self, key: tuple[object, ...], end: Alert) -> Alert:
        began = self._out.pop(key).alert
        return msgspec.structs.replace(end, state="resolved", since=began.since)


def from_drift(drift: Drift) -> Alert | None:
    """The alert that a drift event is; None for a measurement that neither began nor ended one.

    An end names no firing by its `since`: the detector no longer knows it. `DriftAlerts` does.
    """
    if not drift.drifted and drift.kind is None:
        return None
    state: Literal["firing", "resolved"] = "firing" if drift.drifted else "resolved"
    return Alert(
        metric=drift.metric,
        rule=f"drift-{drift.kind or drift.method}",
        state=state,
        severity="warning",
        summary=drift.summary or f"{drift.metric}: {drift.method} {drift.value:.3g}",
        value=drift.value,
        threshold=drift.threshold,
        since=drift.at if drift.since is None else drift.since,
        at=drift.at,
        labels=drift.labels,
        runbook=_RUNBOOK,
    )


def _key(alert: Alert) -> tuple[object, ...]:
    return alert.metric, alert.rule, *sorted(alert.labels.items())
