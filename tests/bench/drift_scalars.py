"""Which of river's detectors for a figure: Page-Hinkley as `processors.drift.scalars` has it, or
ADWIN on the same ranks. Drawn from a normal distribution: ranks are the same for any other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.drift.scalars import ScalarDetector, ScalarReference, fit
from tests.bench.drift_rivals import adwin_alarms, adwin_delta

REFERENCE, BEFORE, AFTER = 500, 100, 500
STREAMS, EVENTS = 60, 8000
CHANGES = {
    "all by 0.5 deviations": (0.5, 1.0),
    "all by 1 deviation": (1.0, 1.0),
    "all by 2 deviations": (2.0, 1.0),
    "a fifth by 3 deviations": (3.0, 0.2),
}

Values = NDArray[np.float64]


def measure(events_per_alarm: float) -> dict[str, Any]:
    """False alarms on draws that set no threshold, and delays, of both."""
    setting = [(_ranks(ref, ref.values), _ranks(ref, x)) for ref, x in _streams(1, EVENTS)]
    delta = adwin_delta(setting, events_per_alarm)
    found: dict[str, Any] = {
        "adwin_delta": delta,
        "false_alarms": _counts(_streams(2, EVENTS), delta),
        "events": STREAMS * EVENTS,
        "changes": {},
    }
    for name, (size, share) in CHANGES.items():
        chance = np.random.default_rng(4)
        changed = []
        for reference, stream in _streams(3, BEFORE + AFTER):
            stream[BEFORE:] += size * (chance.random(AFTER) < share)
            changed.append((reference, stream))
        found["changes"][name] = _delays(changed, delta)
    return found


def _streams(seed: int, events: int) -> Iterator[tuple[ScalarReference, Values]]:
    chance = np.random.default_rng(seed)
    for _ in range(STREAMS):
        known = chance.normal(size=REFERENCE)
        yield fit(known.tolist()), chance.normal(size=events)


def _ranks(reference: ScalarReference, values: Any) -> list[float]:
    known = np.array(reference.values)
    places = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
    if len(values) == len(known):  # the reference itself, which comes in no order
        places = np.random.default_rng(1).permutation(places)
    return [rank / (2 * len(known)) for rank in places.tolist()]


def _ours(reference: ScalarReference, stream: Values) -> list[int]:
    detector = ScalarDetector(reference)
    values = enumerate(stream.tolist(), 1)
    return [n for n, value in values if detector.update(str(n), n, value).alarms]


def _adwin(reference: ScalarReference, stream: Values, delta: float) -> list[int]:
    return adwin_alarms(_ranks(reference, reference.values), _ranks(reference, stream), delta)


def _counts(streams: Iterator[tuple[ScalarReference, Values]], delta: float) -> dict[str, int]:
    pairs = list(streams)
    return {
        "page_hinkley": sum(len(_ours(*pair)) for pair in pairs),
        "adwin": sum(len(_adwin(*pair, delta)) for pair in pairs),
    }


def _delays(streams: list[tuple[ScalarReference, Values]], delta: float) -> dict[str, Any]:
    found = {
        "page_hinkley": [_ours(*pair) for pair in streams],
        "adwin": [_adwin(*pair, delta) for pair in streams],
    }
    return {name: _median(alarms) for name, alarms in found.items()}


def _median(found: list[list[int]]) -> dict[str, Any]:
    delays = [min((n - BEFORE for n in one if n > BEFORE), default=np.inf) for one in found]
    middle = float(np.median(delays))
    return {
        "median_delay": middle if np.isfinite(middle) else None,
        "missed": int(np.isinf(delays).sum()),
        "streams": len(delays),
    }
