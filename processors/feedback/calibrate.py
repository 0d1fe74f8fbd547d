"""A judge's probability corrected by what people say: fitted, held to the test, and applied.

Platt, Probabilistic Outputs for Support Vector Machines, 1999, with his smoothed targets, on the
log-odds of the probability, so that "as it is" is among the curves. Isotonic regression: Zadrozny
and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, 2002; it
assumes less and needs more labels.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from schemas.control import Calibration, Point

Method = Literal["platt", "isotonic"]
Floats = NDArray[np.float64]
Curve = tuple[Floats, Floats]

LEAST_LABELS = 30
LEAST_OF_EACH = 5
"""Of answers that people call grounded, and of those they call not grounded."""

_EDGE = 1e-6
_MOST_POINTS = 1024
_GRID = np.union1d(np.linspace(0, 1, 65), expit(np.linspace(-9, 9, 73)))
"""Where a Platt curve is kept: it bends most near 0 and 1."""
_FOLDS = 5
_SEED = 1


class CalibrationError(Exception):
    """No calibration was made; the message says why."""


class TooFewLabelsError(CalibrationError):
    """There is too little to learn from."""


class WorseCalibrationError(CalibrationError):
    """On answers it was not learned from it is no better than the probability as it is."""


class Labelled(Struct, frozen=True):
    """An answer's probability as the model gave it, and whether people call it grounded."""

    probability: float
    grounded: bool


class Fitted(Struct, frozen=True, kw_only=True):
    """A curve, its threshold, and how good they are."""

    method: Method
    points: list[Point]
    threshold: float
    labels: int
    brier_before: float
    """The mean squared error of the probability as it is."""
    brier_after: float
    """That of the curve, on answers it was not learned from (five folds)."""
    balanced_accuracy: float
    """With the threshold, on the very answers it was chosen by: the mean of the two kinds'."""


def fit(
    labelled: Sequence[Labelled],
    method: Method,
    *,
    least: int = LEAST_LABELS,
    force: bool = False,
) -> Fitted:
    """Learn a curve and a threshold. `force` takes a curve that is no better.

    Raises:
        TooFewLabelsError: under `least` labels, or `LEAST_OF_EACH` of a kind.
        WorseCalibrationError: it would not help.
    """
    said = np.array([one.probability for one in labelled], np.float64)
    people = np.array([one.grounded for one in labelled], np.float64)
    _check_labels(people, least)
    before, after = _brier(said, people), _cross_validated(said, people, method)
    if after >= before and not force:
        raise WorseCalibrationError(
            f"Brier score {after:.4f} with it, {before:.4f} without, over {len(said)} labels: "
            "it would not help; more labels may"
        )
    curve = _curve(said, people, method)
    threshold, accuracy = _threshold(_along(curve, said), people)
    return Fitted(
        method=method,
        points=_points(curve),
        threshold=threshold,
        labels=len(said),
        brier_before=before,
        brier_after=after,
        balanced_accuracy=accuracy,
    )


def apply(calibration: Calibration, probability: float) -> float:
    """What a probability means: a straight line between two points, level outside of them.

    Never falls where the probability rises.
    """
    points = calibration.points
    at = bisect_right(points, probability, key=lambda point: point[0])
    if at == 0:
        return points[0][1]
    if at == len(points):
        return points[-1][1]
    (left, low), (right, high) = points[at - 1], points[at]
    value = low + (high - low) * (probability - left) / (right - left)
    return min(max(value, low), high)


def _check_labels(people: Floats, least: int) -> None:
    grounded = int(people.sum())
    other = len(people) - grounded
    if len(people) < least:
        raise TooFewLabelsError(f"{len(people)} labelled answers; at least {least} are needed")
    if min(grounded, other) < LEAST_OF_EACH:
        raise TooFewLabelsError(
            f"{grounded} labels say grounded and {other} say not; "
            f"at least {LEAST_OF_EACH} of each are needed"
        )


def _curve(said: Floats, people: Floats, method: Method) -> Curve:
    return _platt(said, people) if method == "platt" else _isotonic(said, people)


def _platt(said: Floats, people: Floats) -> Curve:
    """The logistic curve with the least cross-entropy to Platt's targets; it never falls."""
    grounded = people.sum()
    other = len(people) - grounded
    targets = np.where(people == 1, (grounded + 1) / (grounded + 2), 1 / (other + 2))
    odds = _odds(said)

    def loss(line: Floats) -> tuple[float, Floats]:
        height = line[0] * odds + line[1]
        error = expit(height) - targets
        value = np.logaddexp(0, height) - targets * height
        return float(value.sum()), np.array([error @ odds, error.sum()])

    found = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(0, None), (None,) * 2])
    return _GRID, np.asarray(expit(found.x[0] * _odds(_GRID) + found.x[1]))


def _isotonic(said: Floats, people: Floats) -> Curve:
    """The steps of the best rising curve; the inner points of a step are left out."""
    places, group = np.unique(said, return_inverse=True)
    weights = np.bincount(group).astype(np.float64)
    means = np.bincount(group, people) / weights
    heights = np.asarray(isotonic_regression(means, weights=weights).x)
    ends = np.ones(len(places), bool)
    ends[1:-1] = (heights[1:-1] != heights[:-2]) | (heights[1:-1] != heights[2:])
    places, heights = places[ends], heights[ends]
    if len(places) > _MOST_POINTS:
        grid = np.linspace(0, 1, _MOST_POINTS)
        return grid, np.interp(grid, places, heights)
    return places, heights


def _points(curve: Curve) -> list[Point]:
    """At least two, both ascending, within 0 and 1."""
    places, heights = curve
    if len(places) == 1:
        places, heights = np.array([0.0, 1.0]), np.repeat(heights, 2)
    level = np.maximum.accumulate(np.clip(heights, 0, 1))
    return list(zip(places.tolist(), level.tolist(), strict=True))


def _along(curve: Curve, said: Floats) -> Floats:
    return np.interp(said, *curve)


def _odds(said: Floats) -> Floats:
    return np.asarray(logit(np.clip(said, _EDGE, 1 - _EDGE)))


def _brier(said: Floats, people: Floats) -> float:
    return float(np.mean((said - people) ** 2))


def _cross_validated(said: Floats, people: Floats, method: Method) -> float:
    """The Brier score of curves on the folds that they were not learned from."""
    folds = np.empty(len(said), np.int64)
    draw = np.random.default_rng(_SEED)
    for kind in (0, 1):
        mine = np.flatnonzero(people == kind)
        folds[draw.permutation(mine)] = np.arange(len(mine)) % _FOLDS
    told = np.empty(len(said))
    for fold in range(_FOLDS):
        rest = folds != fold
        curve = _curve(said[rest], people[rest], method)
        told[~rest] = _along(curve, said[~rest])
    return _brier(told, people)


def _threshold(told: Floats, people: Floats) -> tuple[float, float]:
    """That with the best balanced accuracy, and that accuracy; of equals the nearest to a half.

    It lies in the middle between two probabilities, so that a little more or less decides nothing.
    """
    heights = np.unique(told)
    middles = (heights[:-1] + heights[1:]) / 2
    tried = np.concatenate((middles, [min(float(heights[0]), 0.5)]))
    ranked_yes, ranked_no = np.sort(told[people == 1]), np.sort(told[people == 0])
    kept = 1 - np.searchsorted(ranked_yes, tried) / len(ranked_yes)
    refused = np.searchsorted(ranked_no, tried) / len(ranked_no)
    accuracy = (kept + refused) / 2
    best = np.flatnonzero(accuracy >= accuracy.max() - 1e-12)
    chosen = best[np.argmin(np.abs(tried[best] - 0.5))]
    return float(tried[chosen]), float(accuracy[chosen])
