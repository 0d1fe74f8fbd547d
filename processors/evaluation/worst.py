"""The questions that a candidate answers worst, compared with the baseline."""

from collections.abc import Sequence

from msgspec import Struct

from processors.evaluation.metrics import Metric
from processors.evaluation.pairs import Pair

PREFERRED = ("f1", "recall@5", "groundedness", "completeness", "relevance", "answered")
"""What regressions go by where nobody says: the first that any question has from both."""


class Regression(Struct, frozen=True):
    """One question, and how much worse it is answered."""

    pair: Pair
    metric: str
    drop: float
    """How much worse, whichever way is better: always above 0."""


def regressions(pairs: Sequence[Pair], metric: Metric, most: int) -> list[Regression]:
    """At most so many, the worst first, ties by when they were asked."""
    sign = -1 if metric.better == "more" else 1
    found = []
    for pair in pairs:
        difference = pair.difference(metric.name)
        if difference is not None and sign * difference > 0:
            found.append(Regression(pair, metric.name, sign * difference))
    return sorted(found, key=lambda one: -one.drop)[:most]


def preferred(pairs: Sequence[Pair]) -> str:
    """The metric that regressions go by where nobody says."""
    has = {name for pair in pairs for name in PREFERRED if pair.difference(name) is not None}
    return next((name for name in PREFERRED if name in has), PREFERRED[-1])
