"""Thresholds by simulation: where would streams without any change cross once in so many events?

What is simulated includes the luck of the reference. A novelty's rank among the reference's own
is uniform whatever the embedder and the topics (conformal prediction: Vovk, Gammerman and
Shafer, 2005), so that threshold depends on the reference's size alone.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from processors.drift.cusum import CLEAR, Ratios
from processors.drift.ratios import mix_ratios, novelty_ratios

_STREAMS, _EVENTS = 192, 8192
_HALVINGS = 14
_HIGHEST = 40.0

Paths = NDArray[np.float32]


@lru_cache(maxsize=32)
def novelty_threshold(reference: int, events_per_alarm: float, seed: int) -> float:
    """Of the sums of `novelty_ratios`, for a reference of so many events."""
    chance = np.random.default_rng(seed)
    ranks = np.empty((_STREAMS, _EVENTS), np.int64)
    for row in ranks:
        known = np.sort(chance.random(reference))
        row[:] = reference - np.searchsorted(known, chance.random(_EVENTS))
    table = novelty_ratios(np.arange(1, reference + 2) / (reference + 1))
    return _solve(_highest(table, ranks), events_per_alarm)


def mix_threshold(counts: NDArray[np.int64], events_per_alarm: float, seed: int) -> float:
    """Of the sums of `mix_ratios`, where the reference has so many events of each topic."""
    chance = np.random.default_rng(seed)
    topics = np.empty((_STREAMS, _EVENTS), np.int64)
    for row in topics:
        likely = chance.dirichlet(counts + 0.5)
        row[:] = chance.choice(len(counts), _EVENTS, p=likely)
    return _solve(_highest(mix_ratios(topic_shares(counts)), topics), events_per_alarm)


def topic_shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares of topics that occur so often [k]; never zero."""
    smoothed = counts + 0.5
    return np.asarray(smoothed / smoothed.sum())


def crossings(paths: Paths, threshold: float) -> int:
    """How many alarms begin in [streams, events]: an alarm ends below half the threshold."""
    above, below = paths >= threshold, paths < CLEAR * threshold
    steps = np.arange(paths.shape[1])
    last_above = np.maximum.accumulate(np.where(above, steps, -1), axis=1)
    last_below = np.maximum.accumulate(np.where(below, steps, -1), axis=1)
    alarmed = last_above > last_below
    return int(alarmed[:, 0].sum() + (alarmed[:, 1:] & ~alarmed[:, :-1]).sum())


def _highest(table: Ratios, rows: NDArray[np.int64]) -> Paths:
    sums = np.zeros((len(rows), table.shape[1]))
    paths: Paths = np.empty(rows.shape, np.float32)
    for step in range(rows.shape[1]):
        np.maximum(sums + table[rows[:, step]], 0.0, out=sums)
        sums.max(axis=1, out=paths[:, step])
    return paths


def _solve(paths: Paths, events_per_alarm: float) -> float:
    low, high = 0.5, _HIGHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if crossings(paths, middle) * events_per_alarm > paths.size:
            low = middle
        else:
            high = middle
    return high
