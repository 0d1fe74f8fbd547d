"""What a metric is, and the live object of one in this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]
Unit = Literal[
    "alarms",
    "alerts",
    "answers",
    "budgets",
    "branches",
    "claims",
    "dollars",
    "events",
    "parts",
    "ratio",
    "references",
    "requests",
    "responses",
    "score",
    "seconds",
    "tokens",
    "units",
    "words",
]

LATENCY_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 20.0, 40.0)


@dataclass(frozen=True)
class Metric:
    """What a metric is called and what it says."""

    name: str
    kind: Kind
    unit: Unit
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = LATENCY_S
    """Upper bounds of a histogram's buckets, in `unit`."""


@dataclass(frozen=True)
class Family:
    """The metrics of one process, or of every worker."""

    title: str
    about: str
    """Paragraphs for whoever is responsible for the answers and reads no code."""
    metrics: Sequence[Metric]


@cache
def counter(metric: Metric) -> Counter:
    """The counter in this process; made when it is first asked for."""
    return Counter(metric.name, metric.meaning, metric.labels)


@cache
def gauge(metric: Metric) -> Gauge:
    """The gauge in this process."""
    return Gauge(metric.name, metric.meaning, metric.labels)


@cache
def histogram(metric: Metric) -> Histogram:
    """The histogram in this process."""
    return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets)


def begin(family: Family) -> None:
    """Show from the start, as 0, what has no labels: a rate needs the value before the first."""
    make = {"counter": counter, "histogram": histogram}
    for metric in family.metrics:
        if not metric.labels and metric.kind in make:
            make[metric.kind](metric)
