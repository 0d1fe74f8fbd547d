"""What the workers count and time: a few calls a batch or an answer, none a unit."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from monitoring import metrics

if TYPE_CHECKING:
    from processors.indexer import Plan
    from schemas.responses import Response

UNNAMED = "unnamed"
"""What became of an event of `documents` that names no document: there is no change for it."""


@contextmanager
def stage(role: str, name: str) -> Iterator[None]:
    """Time a step of a batch; one that fails is not counted."""
    began = time.perf_counter()
    yield
    metrics.histogram(metrics.WORKER_STAGE).labels(role, name).observe(time.perf_counter() - began)


def batch(role: str, events: int) -> None:
    """A worker has taken this many events at once."""
    metrics.histogram(metrics.WORKER_BATCH).labels(role).observe(events)


def outcomes(role: str, counts: Mapping[str, int]) -> None:
    """How many events came to what."""
    for status, count in counts.items():
        metrics.counter(metrics.WORKER_EVENTS).labels(role, status).inc(count)


def dead(role: str, reason: str) -> None:
    """An event was put aside."""
    metrics.counter(metrics.WORKER_DEAD_LETTERS).labels(role, reason).inc()


def indexed(plan: "Plan") -> None:
    """A plan's changes are in the log."""
    changes = [draft.change for draft in plan.drafts]
    statuses = Counter[str](change.status for change in changes)
    outcomes("indexer", {**statuses, UNNAMED: plan.taken.total() - len(changes)})
    for letter in plan.dead:
        dead("indexer", letter.reason)
    for metric, count in (
        (metrics.INDEXER_EMBEDDED_UNITS, sum(change.units_embedded for change in changes)),
        (metrics.INDEXER_EMBEDDED_WORDS, sum(change.words_embedded for change in changes)),
        (metrics.INDEXER_KEPT_UNITS, sum(change.units_kept for change in changes)),
    ):
        metrics.counter(metric).inc(count)


def responded(response: "Response", took_s: float) -> None:
    """A response is in the log, so long after its question was admitted."""
    error = response.error.type if response.error else ""
    metrics.counter(metrics.ANSWERER_RESPONSES).labels(response.status, error).inc()
    metrics.histogram(metrics.ANSWERER_DURATION).labels(response.status).observe(took_s)
    for name, taken_ms in response.timings_ms.items():
        metrics.histogram(metrics.WORKER_STAGE).labels("answerer", name).observe(taken_ms / 1000)
