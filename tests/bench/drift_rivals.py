"""The detectors that ours is held against, by their own code: Evidently's and river's.

Evidently's domain classifier (0.7.23, `ModelDriftMethod`): the ROC AUC of a linear classifier
that tells the last `WINDOW` vectors from the reference, every `STEP` events. River's ADWIN on the
same novelty that ours ranks, looking after every event (`clock=1`, where it is fastest), and with
the reference's novelties as its past. Each has one setting that decides how often it alarms; it
is set on the calibration split.
"""

import os
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

os.environ["DO_NOT_TRACK"] = "1"

from processors.drift.reference import EmbeddingReference, Vectors, novelty

WINDOW, STEP = 100, 10
_HALVINGS = 12

Alarms = list[int]
"""After how many events of a stream an alarm began."""


def auc_path(reference: Vectors, stream: Vectors) -> NDArray[np.float64]:
    """The classifier's AUC after WINDOW events, and after every STEP more."""
    import pandas as pd
    from evidently.legacy.metrics.data_drift.embedding_drift_methods import model

    measure = model()
    known = pd.DataFrame(reference)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for end in range(WINDOW, len(stream) + 1, STEP):
            current = pd.DataFrame(stream[end - WINDOW : end])
            found.append(measure(current, known.copy())[0])
    return np.array(found)


def auc_alarms(path: NDArray[np.float64], threshold: float) -> Alarms:
    """Where it goes above the threshold; one alarm as long as it stays there."""
    above = path > threshold
    begins = above & ~np.concatenate([[False], above[:-1]])
    return [WINDOW + STEP * int(place) for place in np.flatnonzero(begins)]


def auc_threshold(paths: Sequence[NDArray[np.float64]], events_per_alarm: float) -> float:
    """The lowest AUC at which these unchanged streams alarm no more often than allowed."""
    events = STEP * sum(len(path) for path in paths)

    def too_often(threshold: float) -> bool:
        return sum(len(auc_alarms(p, threshold)) for p in paths) * events_per_alarm > events

    return _lowest(too_often, 0.5, 1.0)


def adwin_alarms(past: Sequence[float], stream: Sequence[float], delta: float) -> Alarms:
    """Where ADWIN finds a change; it forgets what came before by itself."""
    from river.drift import ADWIN

    detector = ADWIN(delta=delta, clock=1)
    for value in past:
        detector.update(value)
    found = []
    for number, value in enumerate(stream, 1):
        detector.update(value)
        if detector.drift_detected:
            found.append(number)
    return found


def adwin_delta(
    streams: Sequence[tuple[Sequence[float], Sequence[float]]], events_per_alarm: float
) -> float:
    """The greatest delta at which these (past, unchanged stream) alarm no more than allowed."""
    events = sum(len(stream) for _, stream in streams)

    def too_often(caution: float) -> bool:
        alarms = sum(len(adwin_alarms(*one, 10.0**-caution)) for one in streams)
        return alarms * events_per_alarm > events

    return float(10.0 ** -_lowest(too_often, -0.5, 6.0))


def novelties(reference: EmbeddingReference, stream: Vectors) -> list[float]:
    """What ADWIN is given of a stream."""
    return novelty(stream @ reference.vectors().T, reference.spec.neighbours).tolist()


def past_of(reference: EmbeddingReference) -> list[float]:
    """What ADWIN is given first: the reference's novelties, in no order."""
    known = np.frombuffer(reference.novelties, "<f8")
    return np.random.default_rng(1).permutation(known).tolist()


def _lowest(too_often: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if too_often(middle):
            low = middle
        else:
            high = middle
    return high
