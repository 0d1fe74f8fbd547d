"""Two sides of a replay held against each other: the whole finding, for every way to show it."""

from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec import Struct

from processors.evaluation.classes import Classes, classes
from processors.evaluation.compare import Comparison, compare
from processors.evaluation.metrics import KS, metric_named, metrics
from processors.evaluation.pairs import LEAST, Measured, Paired, paired, slices
from processors.evaluation.worst import Regression, preferred, regressions
from streams.errors import FreshetError
from streams.replay.sides import Side

_QUANTILES = (0.5, 0.95, 0.99)


class Wishes(Struct, frozen=True, kw_only=True):
    """How to compare."""

    confidence: float = 0.95
    least: int = LEAST
    """Questions of a slice that is looked at."""
    ks: Sequence[int] = KS
    by: str | None = None
    """What regressions go by."""
    most: int = 20
    """Regressions at most."""


class Evaluated(Struct, frozen=True, kw_only=True):
    """What a comparison came to."""

    baseline: Side
    candidate: Side
    paired: Paired
    comparison: Comparison
    classes: dict[str, Classes]
    """By `baseline` and `candidate`; empty where no gold question has a label."""
    latency_s: dict[str, dict[str, float]]
    """`p50`, `p95` and `p99` of each side, in seconds; empty where none were taken."""
    worst: list[Regression]
    gold: int
    """Of the pairs, those that a gold question was found for."""


def evaluated(
    sides: tuple[Side, Side], baseline: list[Measured], candidate: list[Measured], wishes: Wishes
) -> Evaluated:
    """Compare two sides that are measured. Raises FreshetError where nothing can be compared."""
    both = paired(baseline, candidate)
    if not both.pairs:
        raise FreshetError(_nothing(both))
    by = metric_named(wishes.by or preferred(both.pairs))
    if by is None:
        raise FreshetError(f"--by {wishes.by}: no such metric; {_names()}")
    replayed = {
        "baseline": [pair.baseline for pair in both.pairs],
        "candidate": [pair.candidate for pair in both.pairs],
    }
    return Evaluated(
        baseline=sides[0],
        candidate=sides[1],
        paired=both,
        comparison=compare(
            both.pairs,
            slices(both.pairs, wishes.least),
            metrics(wishes.ks),
            wishes.confidence,
        ),
        classes={name: one for name, some in replayed.items() if (one := classes(some))},
        latency_s={name: taken for name, some in replayed.items() if (taken := _quantiles(some))},
        worst=regressions(both.pairs, by, wishes.most),
        gold=sum(pair.baseline.gold is not None for pair in both.pairs),
    )


def plain(found: Evaluated) -> dict[str, object]:
    """As data: what was compared, the tables, and the worst regressions with both outcomes."""
    both = found.paired
    return {
        "baseline": str(found.baseline),
        "candidate": str(found.candidate),
        "questions": len(both.pairs),
        "with_gold": found.gold,
        "only_baseline": both.only_baseline,
        "only_candidate": both.only_candidate,
        "unreplayed": both.unreplayed,
        **msgspec.to_builtins(found.comparison),
        "classes": msgspec.to_builtins(found.classes),
        "latency_s": found.latency_s,
        "worst": [_regression(one) for one in found.worst],
    }


def _regression(one: Regression) -> dict[str, object]:
    return {
        "query_id": one.pair.query_id,
        "metric": one.metric,
        "drop": one.drop,
        "baseline": msgspec.to_builtins(one.pair.baseline.outcome),
        "candidate": msgspec.to_builtins(one.pair.candidate.outcome),
    }


def _quantiles(some: Sequence[Measured]) -> dict[str, float]:
    taken = [one.figures["latency_s"] for one in some if "latency_s" in one.figures]
    if not taken:
        return {}
    return {f"p{q * 100:g}": round(float(np.quantile(taken, q)), 6) for q in _QUANTILES}


def _nothing(both: Paired) -> str:
    if both.unreplayed:
        return f"all {len(both.unreplayed)} questions that both have could not be asked any more"
    return (
        "the two share no question: compare variants of one run, or runs of the same range "
        f"({len(both.only_baseline)} and {len(both.only_candidate)} questions)"
    )


def _names() -> str:
    return "there are " + ", ".join(metric.name for metric in metrics())
