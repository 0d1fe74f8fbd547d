"""Intervals: what a figure may be, and how far two may lie apart, by the answers there are.

`level` is the chance with which an interval holds the true value, such as 0.95. A bound that the
answers are too few to tell is None.
"""

from math import sqrt

import numpy as np
from msgspec import Struct
from scipy.special import bdtr, ndtri, stdtrit

from processors.compare.sample import Floats, Sample


class Interval(Struct, frozen=True):
    """A figure and its bounds."""

    value: float
    low: float | None
    high: float | None


def mean(sample: Sample, level: float) -> Interval:
    """Student's interval for a mean."""
    if sample.groups < 2:
        return Interval(sample.mean, None, None)
    reach = _t(level, sample.groups - 1) * sqrt(sample.variance())
    return Interval(sample.mean, sample.mean - reach, sample.mean + reach)


def share(sample: Sample, level: float) -> Interval:
    """Wilson's score interval for the share of values that are 1; the others are 0.

    Sources: Wilson, Probable Inference, 1927; with as many answers as are independent, Korn and
    Graubard, Confidence Intervals for Proportions with Small Expected Number of Positive Counts,
    1998.
    """
    part, count, z = sample.mean, _independent(sample, level), _z(level)
    middle = (part + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * sqrt(part * (1 - part) / count + z**2 / (4 * count**2))
    # At 0 and 1 a rounding error must not leave the figure outside of its own interval.
    return Interval(part, min(part, max(0.0, middle - reach)), max(part, min(1.0, middle + reach)))


def quantile(sample: Sample, at: float, level: float) -> Interval:
    """The value that a share `at` of the answers does not exceed, between two order statistics.

    Sources: David and Nagaraja, Order Statistics (2003), 7.1; with as many answers as are
    independent, Woodruff, Confidence Intervals for Medians and Other Position Measures, 1952.
    """
    ordered = np.sort(sample.values)
    below = _independent(
        Sample((sample.values <= _ranked(ordered, at)).astype(np.float64), sample.units), level
    )
    count = max(1, int(below))
    chances = bdtr(np.arange(count + 1), count, at)
    low = int(np.searchsorted(chances, (1 - level) / 2, side="right"))
    high = int(np.searchsorted(chances, (1 + level) / 2, side="left")) + 1
    return Interval(
        _ranked(ordered, at),
        None if low < 1 else _ranked(ordered, low / count),
        None if high > count else _ranked(ordered, high / count),
    )


def difference_of_means(one: Sample, other: Sample, level: float) -> Interval:
    """How much more the first mean is than the second.

    Source: Welch, The Generalization of 'Student's' Problem, 1947.
    """
    value = one.mean - other.mean
    if one.groups < 2 or other.groups < 2:
        return Interval(value, None, None)
    variances = [(each.variance(), each.groups - 1) for each in (one, other)]
    total = sum(variance for variance, _ in variances)
    if total == 0:
        return Interval(value, value, value)
    freedom = total**2 / sum(variance**2 / left for variance, left in variances)
    reach = _t(level, freedom) * sqrt(total)
    return Interval(value, value - reach, value + reach)


def difference(one: Interval, other: Interval) -> Interval:
    """How much more the first figure is than the second, where they are of different answers.

    Sources: Newcombe, Interval Estimation for the Difference between Independent Proportions:
    Comparison of Eleven Methods, 1998 (method 10); for any figure, Zou and Donner, Construction of
    Confidence Limits about Effect Measures, 2008.
    """
    value = one.value - other.value
    low = _hypotenuse(one.value, one.low, other.high, other.value)
    high = _hypotenuse(one.high, one.value, other.value, other.low)
    return Interval(
        value, None if low is None else value - low, None if high is None else value + high
    )


def paired_means(differences: Sample, level: float) -> Interval:
    """The mean difference of two figures of the same questions."""
    return mean(differences, level)


def paired_shares(differences: Sample, level: float) -> Interval:
    """How much more often one is 1 than the other, of the same questions; differences 1, 0, -1.

    A question that speaks for the one and a question that speaks for the other are added, so that
    a few that all say the same are no proof.

    Source: Bonett and Price, Adjusted Wald Confidence Interval for a Difference of Binomial
    Proportions Based on Paired Data, 2012.
    """
    new = int(differences.units.max(initial=-1)) + 1
    added = Sample(
        np.append(differences.values, (1.0, -1.0)), np.append(differences.units, (new, new + 1))
    )
    found = mean(added, level)
    assert found.low is not None
    assert found.high is not None
    return Interval(differences.mean, max(-1.0, found.low), min(1.0, found.high))


def shared_out(level: float, intervals: int) -> float:
    """The level of each of so many intervals, so that all of them hold with `level`.

    Source: Bonferroni's inequality.
    """
    return 1 - (1 - level) / max(intervals, 1)


def _independent(sample: Sample, level: float) -> float:
    """As many independent answers, less what the spread between few units leaves untold."""
    count, groups = sample.effective(), sample.groups
    if groups == sample.count or groups < 2:
        return count
    return max(1.0, count * (_t(level, sample.count - 1) / _t(level, groups - 1)) ** 2)


def _hypotenuse(*bounds: float | None) -> float | None:
    """Of the first less the second and the third less the fourth."""
    known = [bound for bound in bounds if bound is not None]
    if len(known) < len(bounds):
        return None
    return sqrt((known[0] - known[1]) ** 2 + (known[2] - known[3]) ** 2)


def _ranked(ordered: Floats, at: float) -> float:
    """The least value that a share `at` does not exceed."""
    rank = int(np.ceil(at * len(ordered) - 1e-9))
    return float(ordered[min(max(rank, 1), len(ordered)) - 1])


def _z(level: float) -> float:
    return float(ndtri((1 + level) / 2))


def _t(level: float, freedom: float) -> float:
    return float(stdtrit(freedom, (1 + level) / 2))
