"""Every metric by name, with its kind, unit and meaning: the one place where they are defined.

Names begin with `freshet_`, are in base units, and counters end in `_total`. No label is
unbounded: tenants and documents are none. `counter`, `gauge` and `histogram` give the live
object of a metric in this process.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]
Unit = Literal["seconds", "requests", "events", "units", "words", "responses"]

LATENCY_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 20.0, 40.0)
BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


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


GATEWAY_REQUESTS = Metric(
    "freshet_gateway_requests_total",
    "counter",
    "requests",
    ("route", "method", "status"),
    "HTTP requests by route and status; 499 is a caller who hung up.",
)
GATEWAY_DURATION = Metric(
    "freshet_gateway_request_duration_seconds",
    "histogram",
    "seconds",
    ("route",),
    "From a request's head to the end of its response.",
)
GATEWAY_FIRST_PIECE = Metric(
    "freshet_gateway_first_piece_seconds",
    "histogram",
    "seconds",
    (),
    "From a streamed question's head to the first piece of its answer.",
)
GATEWAY_WAITING = Metric(
    "freshet_gateway_waiting_requests",
    "gauge",
    "requests",
    (),
    "Questions whose answers are being waited for.",
)
GATEWAY_REFUSED = Metric(
    "freshet_gateway_refused_total",
    "counter",
    "requests",
    ("code",),
    "Requests that got an error, by its code.",
)
GATEWAY_CANCELLED = Metric(
    "freshet_gateway_cancelled_total",
    "counter",
    "requests",
    (),
    "Questions that were cancelled because nobody waited for the answer any more.",
)

WORKER_EVENTS = Metric(
    "freshet_worker_events_total",
    "counter",
    "events",
    ("role", "status"),
    "Events that a worker has dealt with, by what became of them.",
)
WORKER_DEAD_LETTERS = Metric(
    "freshet_worker_dead_letters_total",
    "counter",
    "events",
    ("role", "reason"),
    "Events that were put aside into `dead-letters`, by why.",
)
WORKER_BATCH = Metric(
    "freshet_worker_batch_events",
    "histogram",
    "events",
    ("role",),
    "Events that a worker took at once.",
    BATCHES,
)
WORKER_STAGE = Metric(
    "freshet_worker_stage_duration_seconds",
    "histogram",
    "seconds",
    ("role", "stage"),
    "The indexer's plan, embed and emit and the writer's apply and publish, per batch; of the "
    "answerer, per answer, what its `timings_ms` say.",
)
WORKER_LAG = Metric(
    "freshet_worker_lag_events",
    "gauge",
    "events",
    ("role",),
    "Events that wait for a worker or are in its hands, as of its last fetch.",
)
INDEXER_EMBEDDED_UNITS = Metric(
    "freshet_indexer_embedded_units_total",
    "counter",
    "units",
    (),
    "Units that had never been embedded before.",
)
INDEXER_EMBEDDED_WORDS = Metric(
    "freshet_indexer_embedded_words_total",
    "counter",
    "words",
    (),
    "Words in those units.",
)
INDEXER_KEPT_UNITS = Metric(
    "freshet_indexer_kept_units_total",
    "counter",
    "units",
    (),
    "Units of changed documents that stayed as they were.",
)
ANSWERER_RESPONSES = Metric(
    "freshet_answerer_responses_total",
    "counter",
    "responses",
    ("status", "error"),
    "Responses by status and, where there is one, type of error.",
)
ANSWERER_DURATION = Metric(
    "freshet_answerer_duration_seconds",
    "histogram",
    "seconds",
    ("status",),
    "From a question's admission to its response in the log.",
)
ANSWERER_STALENESS = Metric(
    "freshet_answerer_index_staleness_seconds",
    "gauge",
    "seconds",
    (),
    "How old the latest index time is that can be read.",
)

METRICS: tuple[Metric, ...] = (
    GATEWAY_REQUESTS,
    GATEWAY_DURATION,
    GATEWAY_FIRST_PIECE,
    GATEWAY_WAITING,
    GATEWAY_REFUSED,
    GATEWAY_CANCELLED,
    WORKER_EVENTS,
    WORKER_DEAD_LETTERS,
    WORKER_BATCH,
    WORKER_STAGE,
    WORKER_LAG,
    INDEXER_EMBEDDED_UNITS,
    INDEXER_EMBEDDED_WORDS,
    INDEXER_KEPT_UNITS,
    ANSWERER_RESPONSES,
    ANSWERER_DURATION,
    ANSWERER_STALENESS,
)


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
