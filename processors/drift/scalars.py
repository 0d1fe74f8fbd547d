"""Drift of a figure: scores, groundedness, feedback, latencies, lengths.

A value is replaced by its rank in the reference, 0 to 1, so that no unit, no outlier and no
infinity matters, and one threshold serves every figure. The ranks go to river's Page-Hinkley
test; whether there is a value at all goes to another. `tests/bench/drift.py` holds it beside
river's ADWIN.
"""

import math
from bisect import bisect_left, bisect_right
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct
from river.drift import PageHinkley
from river.stats import Mean

from processors.drift.alarm import EXAMPLES, Alarm, Fault, ReferenceTooSmallError, Seen

_CANDIDATES = 64
_FORGETS_NOTHING = 1.0


class ScalarSpec(Struct, frozen=True, kw_only=True):
    """How a figure is watched: one false alarm in 5,000 events is expected of these values."""

    tolerance: float = 0.08
    """Page-Hinkley's delta: how far the mean rank may move unnoticed."""
    threshold: float = 3.5
    """Page-Hinkley's lambda, in ranks."""
    largest: int = 500
    smallest: int = 50
    seed: int = 1


class ScalarReference(Struct, frozen=True, kw_only=True):
    """The reference: its values in ascending order (infinities too), and the share of none."""

    spec: ScalarSpec
    values: list[float]
    missing: float


class Sums(Struct, kw_only=True):
    """What one Page-Hinkley test remembers, and the event times of its extremes."""

    count: float
    mean: float
    increase: float
    decrease: float
    lowest: float
    highest: float
    up_since: int
    down_since: int


class ScalarState(Struct, kw_only=True):
    """All that the detector remembers beside its reference."""

    value: Sums
    missing: Sums
    recent: list[tuple[int, str, float | None]]


def fit(values: list[float | None], spec: ScalarSpec | None = None) -> ScalarReference:
    """Fit a reference. None and NaN are missing values.

    Raises:
        ReferenceTooSmallError: fewer than `spec.smallest` values are there.
    """
    spec = spec or ScalarSpec()
    known = np.array([value for value in values if not _is_missing(value)], np.float64)
    if len(known) < spec.smallest:
        raise ReferenceTooSmallError(f"{len(known)} usable values of {spec.smallest}")
    missing = 1.0 - len(known) / len(values)
    if len(known) > spec.largest:
        known = np.random.default_rng(spec.seed).choice(known, spec.largest, replace=False)
    return ScalarReference(spec=spec, values=np.sort(known).tolist(), missing=missing)


class ScalarDetector:
    """Watches one figure. Feed it in event time: `windows` gives that order."""

    def __init__(self, reference: ScalarReference, state: bytes | None = None) -> None:
        """Start anew, or from what `snapshot` gave."""
        kept = None if state is None else msgspec.msgpack.decode(state, type=ScalarState)
        self._known = reference.values
        self._missing_share = reference.missing
        warm = len(self._known)
        self._value = _Test(reference.spec, kept.value if kept else _warm(warm))
        self._missing = _Test(reference.spec, kept.missing if kept else _warm(warm))
        self._recent = kept.recent if kept else []

    def update(self, event_id: str, at: int, value: float | None) -> Seen:
        """Look at one event of event time `at`. An infinity is the greatest or the least value."""
        absent = _is_missing(value)
        rank = None if value is None or absent else self._rank(value)
        fault: Fault | None = "missing" if rank is None else None
        self._recent.append((at, event_id, rank))
        if len(self._recent) > _CANDIDATES:
            del self._recent[0]
        alarms = []
        moved = self._missing.update(0.5 + (absent - self._missing_share) / 2, at)
        if moved:
            alarms.append(self._alarm("missing", self._missing, moved, at))
        if rank is not None and (moved := self._value.update(rank, at)):
            alarms.append(self._alarm("value", self._value, moved, at))
        return Seen(fault=fault, score=rank, alarms=tuple(alarms))

    @property
    def nearness(self) -> float:
        """The evidence for a change as a share of what an alarm takes."""
        return max(test.evidence / test.threshold for test in (self._value, self._missing))

    def snapshot(self) -> bytes:
        """What it remembers; with the same reference, a new detector goes on from there."""
        state = ScalarState(
            value=self._value.sums(), missing=self._missing.sums(), recent=self._recent
        )
        return msgspec.msgpack.encode(state)

    def _rank(self, value: float) -> float:
        """Between 0 and 1: the middle of the reference values that equal it."""
        below, upto = bisect_left(self._known, value), bisect_right(self._known, value)
        return (below + upto) / (2 * len(self._known))

    def _alarm(
        self,
        kind: Literal["value", "missing"],
        test: "_Test",
        moved: "Moved",
        at: int,
    ) -> Alarm:
        since = [one for one in self._recent if one[0] > moved.since]
        if kind == "missing":
            ordered = [one for one in since if (one[2] is None) == (moved.direction == "up")]
        else:
            sign = -1.0 if moved.direction == "up" else 1.0
            known = [(sign * rank, name) for _, name, rank in since if rank is not None]
            ordered = [(0, name, None) for _, name in sorted(known)]
        return Alarm(
            kind=kind,
            state="began",
            value=moved.value,
            threshold=test.threshold,
            at=at,
            since=moved.since,
            direction=moved.direction,
            examples=tuple(name for _, name, _ in ordered[:EXAMPLES]),
        )


class Moved(Struct, frozen=True):
    """A change that a test found."""

    direction: Literal["up", "down"]
    value: float
    since: int


class _Test:
    """River's Page-Hinkley, with when each change began and a state that can be kept.

    After a change it takes what follows as the new normal, so a change is told once.
    """

    def __init__(self, spec: ScalarSpec, sums: Sums) -> None:
        self.threshold = spec.threshold
        self._test = PageHinkley(
            delta=spec.tolerance, threshold=spec.threshold, alpha=_FORGETS_NOTHING
        )
        self._since = (sums.up_since, sums.down_since)
        self._test._x_mean = Mean._from_state(sums.count, sums.mean)
        self._test._sum_increase, self._test._sum_decrease = sums.increase, sums.decrease
        self._test._min_increase, self._test._max_decrease = sums.lowest, sums.highest

    def update(self, rank: float, at: int) -> Moved | None:
        """Add one rank."""
        test = self._test
        test.update(rank)
        up, down = self._since
        rise = test._sum_increase - test._min_increase
        fall = test._max_decrease - test._sum_decrease
        self._since = (at if rise == 0 else up, at if fall == 0 else down)
        if not test.drift_detected:
            return None
        return Moved("up", rise, up) if rise > fall else Moved("down", fall, down)

    @property
    def evidence(self) -> float:
        """The larger of its two sums, in ranks."""
        test = self._test
        if test.drift_detected:
            return 0.0
        return float(
            max(test._sum_increase - test._min_increase, test._max_decrease - test._sum_decrease)
        )

    def sums(self) -> Sums:
        """A copy of what it remembers."""
        test = self._test
        if test.drift_detected:
            test._reset()
        return Sums(
            count=test._x_mean.n,
            mean=test._x_mean.get(),
            increase=test._sum_increase,
            decrease=test._sum_decrease,
            lowest=test._min_increase,
            highest=test._max_decrease,
            up_since=self._since[0],
            down_since=self._since[1],
        )


def _warm(count: int) -> Sums:
    """As after `count` events at the middle of the reference."""
    return Sums(
        count=count,
        mean=0.5,
        increase=0.0,
        decrease=0.0,
        lowest=0.0,
        highest=0.0,
        up_since=0,
        down_since=0,
    )


def _is_missing(value: float | None) -> bool:
    return value is None or math.isnan(value)
