"""Means over questions, and how far other questions of the same kind might move them.

The bootstrap (Efron, Bootstrap Methods: Another Look at the Jackknife, 1979): the questions are
drawn anew, with replacement, and each draw gives a mean. Draws are alike each time, so that equal
figures give equal intervals.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

Floats = NDArray[np.float64]

RESAMPLES = 2000
_AT_ONCE = 2_000_000
"""Draws that are held in memory together."""


class Mean(Struct, frozen=True):
    """A mean with its interval."""

    value: float
    low: float
    high: float


def mean_of(values: Sequence[float], confidence: float = 0.95) -> Mean:
    """The mean of a figure of each of at least one question, with its interval."""
    table = np.asarray(values, np.float64)[:, None]
    low, high = interval(resampled_means(table)[:, 0], len(values), confidence)
    return Mean(value=float(table.mean()), low=low, high=high)


def resampled_means(table: Floats, resamples: int = RESAMPLES) -> Floats:
    """Means [resamples, figures] of draws from a table [questions, figures].

    NaN is a figure that a question does not have; a draw's mean is over those that do, and NaN
    where none does. All figures share their draws.
    """
    there = (~np.isnan(table)).astype(np.float64)
    filled = np.nan_to_num(table, nan=0.0)
    questions = len(table)
    random = np.random.default_rng(0)
    step = max(1, _AT_ONCE // max(1, questions))
    parts = []
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = random.integers(questions, size=(rows, questions))
        drawn += np.arange(rows)[:, None] * questions
        times = np.bincount(drawn.ravel(), minlength=rows * questions)
        weights = times.reshape(rows, questions).astype(np.float64)
        with np.errstate(invalid="ignore"):
            parts.append((weights @ filled) / (weights @ there))
    return np.concatenate(parts)


def interval(means: Floats, questions: int, confidence: float) -> tuple[float, float]:
    """The percentile interval of resampled means [resamples] of so many questions.

    Widened as Student's is, since few questions vary less than all there might be: Hesterberg,
    What Teachers Should Know About the Bootstrap, 2015, section 5.3. NaN does not count.
    """
    tail = (1 - confidence) / 2
    if questions > 1:
        wider = sqrt(questions / (questions - 1)) * stdtrit(questions - 1, tail)
        tail = float(ndtr(wider))
    low, high = np.nanquantile(means, (tail, 1 - tail))
    return float(low), float(high)


def p_value(means: Floats, questions: int) -> float:
    """How seldom a difference this far from 0 comes by chance: where the interval just meets 0.

    Two-sided, by inverting `interval`; never 0, for the draws are not endless (Davison and
    Hinkley, Bootstrap Methods and their Application, 1997, section 4.2). `questions` is at least 2.
    """
    drawn = means[~np.isnan(means)]
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    tail = min(0.5, (1 + min(below, above)) / (1 + len(drawn)))
    return 2 * float(stdtr(questions - 1, ndtri(tail) * sqrt((questions - 1) / questions)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that one below 0.05 is a chance find in 5 of 100 families at most.

    Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    count = len(p_values)
    adjusted = [0.0] * count
    reached = 0.0
    for rank, at in enumerate(sorted(range(count), key=p_values.__getitem__)):
        reached = max(reached, min(1.0, (count - rank) * p_values[at]))
        adjusted[at] = reached
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted so that of those below 0.05 about 5 of 100 are chance finds (1995)."""
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    return [float(p) for p in false_discovery_control(p_values)]
