"""How far a candidate differs from a baseline on the very questions that both answered.

What makes a question hard is the same for both, so the differences of each question tell sooner
than the two means. Intervals are paired bootstrap percentile intervals: Koehn, Statistical
Significance Tests for Machine Translation Evaluation, 2004; Smucker, Allan and Carterette, 2007.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from processors.bootstrap import (
    Floats,
    Mean,
    benjamini_hochberg,
    holm,
    interval,
    p_value,
    resampled_means,
)
from processors.evaluation.metrics import Better, Metric
from processors.evaluation.pairs import ALL, Pair

Verdict = Literal["better", "worse", "unclear"]

CONFIDENCE = 0.95
RESAMPLES = 20_000
"""So many that what is corrected for three hundred looks can still be told from chance."""
SLICED = ("recall", "f1", "accuracy", "groundedness", "answered", "usd", "latency_s")
"""What slices are compared by, recall at its largest k: each figure more widens all intervals."""
_DIGITS = 9
"""Beyond them sums depend on the machine."""


class Change(Struct, frozen=True, kw_only=True):
    """One metric on one slice."""

    metric: str
    slice: str
    """`tenant=acme`, say; empty for all questions."""
    questions: int
    """That have the figure from both."""
    baseline: float
    candidate: float
    difference: Mean
    """The candidate less the baseline, with its interval by itself."""
    corrected: Mean
    """With an interval so wide that all of its table hold together (Bonferroni). Figures that are
    the same for every question are not counted: none could be found to differ (Tarone, 1990)."""
    p: float
    holm: float
    """The p-value, corrected so that any chance find in the table is as rare as one."""
    bh: float
    """Corrected so that few of the finds are by chance (Benjamini and Hochberg)."""
    verdict: Verdict
    """By `holm`."""


class Comparison(Struct, frozen=True, kw_only=True):
    """The table, and what it was made with."""

    confidence: float
    resamples: int
    overall: list[Change]
    sliced: list[Change]
    """Corrected together, apart from `overall`."""


def compare(
    pairs: Sequence[Pair],
    slices: Mapping[str, Sequence[int]],
    metrics: Sequence[Metric],
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare on every slice; a metric that fewer than two questions have is left out.

    `slices` are places in `pairs`, as `processors.evaluation.pairs.slices` gives them.
    """
    found = {
        name: _changes(
            name,
            [pairs[at] for at in places],
            _sliced(metrics) if name else metrics,
            confidence,
            resamples,
        )
        for name, places in slices.items()
    }
    overall = _corrected(found.pop(ALL, []), metrics, confidence)
    sliced = _corrected([one for many in found.values() for one in many], metrics, confidence)
    return Comparison(confidence=confidence, resamples=resamples, overall=overall, sliced=sliced)


class _Raw(Struct, frozen=True):
    change: Change
    means: Floats
    varies: bool


def _sliced(metrics: Sequence[Metric]) -> list[Metric]:
    recalls = [metric for metric in metrics if metric.name.startswith("recall@")]
    last = max(recalls, key=lambda one: int(one.name.partition("@")[2]), default=None)
    return [one for one in metrics if one.name in SLICED or one is last]


def _changes(
    name: str, pairs: Sequence[Pair], metrics: Sequence[Metric], confidence: float, resamples: int
) -> list[_Raw]:
    names = [metric.name for metric in metrics]
    rows = [[_number(pair.difference(metric)) for metric in names] for pair in pairs]
    table = np.array(rows, np.float64).reshape(len(pairs), len(names))
    kept = np.flatnonzero((~np.isnan(table)).sum(axis=0) >= 2)
    if not len(kept):
        return []
    means = resampled_means(table[:, kept], resamples)
    return [
        _raw(name, names[at], pairs, table[:, at], means[:, column], confidence)
        for column, at in enumerate(kept)
    ]


def _raw(
    name: str, metric: str, pairs: Sequence[Pair], column: Floats, means: Floats, confidence: float
) -> _Raw:
    both = [pair for pair, value in zip(pairs, column, strict=True) if not np.isnan(value)]
    difference = float(np.nanmean(column))
    p = _round(p_value(np.round(means, _DIGITS), len(both)))
    mean = _mean(difference, means, len(both), confidence)
    change = Change(
        metric=metric,
        slice=name,
        questions=len(both),
        baseline=_round(np.mean([pair.baseline.figures[metric] for pair in both])),
        candidate=_round(np.mean([pair.candidate.figures[metric] for pair in both])),
        difference=mean,
        corrected=mean,
        p=p,
        holm=p,
        bh=p,
        verdict="unclear",
    )
    return _Raw(change, means, bool(np.nanmax(np.abs(column)) > 0))


def _corrected(found: Sequence[_Raw], metrics: Sequence[Metric], confidence: float) -> list[Change]:
    better = {metric.name: metric.better for metric in metrics}
    varying = [raw for raw in found if raw.varies]
    p_values = [raw.change.p for raw in varying]
    level = 1 - (1 - confidence) / max(1, len(varying))
    adjusted = {
        id(raw): _adjusted(raw, better[raw.change.metric], pair, level, 1 - confidence)
        for raw, *pair in zip(varying, holm(p_values), benjamini_hochberg(p_values), strict=True)
    }
    return [adjusted.get(id(raw), raw.change) for raw in found]


def _adjusted(
    raw: _Raw, better: Better, p_values: Sequence[float], level: float, alpha: float
) -> Change:
    change = raw.change
    by_holm, by_bh = map(_round, p_values)
    is_gain = (change.difference.value > 0) == (better == "more")
    verdict: Verdict = "better" if is_gain else "worse"
    return replace(
        change,
        corrected=_mean(change.difference.value, raw.means, change.questions, level),
        holm=by_holm,
        bh=by_bh,
        verdict=verdict if by_holm < alpha else "unclear",
    )


def _mean(value: float, means: Floats, questions: int, confidence: float) -> Mean:
    low, high = interval(means, questions, confidence)
    return Mean(_round(value), _round(low), _round(high))


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _round(value: float | np.floating) -> float:
    return round(float(value), _DIGITS)
