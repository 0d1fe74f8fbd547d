"""How many answers a second the monitor looks at, on one core.

Evaluations as the judge writes them, with thirteen figures and the embedding of a question, of two
tenants, in event time. `take` is an event's way into its window; `close` feeds what is complete to
the detectors of each figure, counts it for the objectives, and makes the blobs that are kept.

Beside it, the floor: the product of each vector with its reference of 500, which no detector by
nearest neighbours can do without.

    python -m tests.bench.monitoring
"""

import sys
import time
from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from processors.alerts.rules import default_rules
from processors.monitor.monitor import Monitor, MonitorSpec
from processors.monitor.observations import ANSWERS, of_evaluation
from schemas.evaluations import Evaluation, Score
from tests.bench.report import Line, Measured, Options, main, spread

EVENTS = 20_000
ROUNDS = 5
DIMENSION = 384
REFERENCE = 500
SECOND = 1_000_000
BEGIN = 1_700_000_000 * SECOND
LEAST = 2000.0
A_SECOND = 200
"""Events a second of event time: a window has a thousand."""
BATCH = 256

FIGURES = (
    *("query_words", "answer_words", "retrieval_score", "groundedness", "relevance"),
    *("completeness", "utilisation", "context_precision", "readability", "refusal"),
    *("latency_ms", "cost_usd", "error"),
)
Vectors = NDArray[np.float32]


def traffic(chance: np.random.Generator) -> list[tuple[Evaluation, Vectors]]:
    """Events that do not change, about as many topics as a tenant has."""
    centres = chance.normal(size=(12, DIMENSION)).astype(np.float32)
    topics = chance.integers(0, len(centres), EVENTS)
    vectors = centres[topics] + chance.normal(size=(EVENTS, DIMENSION)).astype(np.float32)
    values = chance.gamma(2.0, 0.2, (EVENTS, len(FIGURES)))
    return [(evaluation(n, values[n]), vectors[n]) for n in range(EVENTS)]


def evaluation(number: int, values: NDArray[np.float64]) -> Evaluation:
    """One answer."""
    at = BEGIN + number * SECOND // A_SECOND
    scores = [
        Score(name=name, score=float(value)) for name, value in zip(FIGURES, values, strict=True)
    ]
    return Evaluation(
        query_id=f"q{number}",
        tenant=f"tenant{number % 2}",
        judge="judge@1",
        at=at,
        scores=scores,
        labels={"route": "default"},
        answered_at=at,
        question="How large may a pool be?",
    )


def one_round(events: Sequence[tuple[Evaluation, Vectors]]) -> tuple[float, float, int]:
    """Seconds of processor time for all events, for the references among them, and alarms."""
    monitor = Monitor(MonitorSpec(), default_rules())
    half = EVENTS // 2
    alarms = 0
    took = []
    for part in (events[:half], events[half:]):
        began = time.process_time()
        for first in range(0, len(part), BATCH):
            for event, vector in part[first : first + BATCH]:
                monitor.take(of_evaluation(event, vector), event.at)
            alarms += len(monitor.close())
            for _ in monitor.changed():
                pass
            monitor.saved()
        took.append(time.process_time() - began)
    monitor.advance(ANSWERS, BEGIN + 10**6 * SECOND)
    alarms += len(monitor.close())
    return took[1], took[0], alarms


def floor(events: Sequence[tuple[Evaluation, Vectors]]) -> float:
    """Seconds of processor time for the products alone, one event at a time."""
    rows = np.stack([vector for _, vector in events[:REFERENCE]])
    began = time.process_time()
    for _, vector in events[EVENTS // 2 :]:
        np.partition(rows @ vector, -2)[-2:].mean()
    return time.process_time() - began


def measure(_: Options) -> Measured:
    """The second half of the events, when every reference stands."""
    events = traffic(np.random.default_rng(7))
    rounds = [one_round(events) for _ in range(ROUNDS)]
    floors = [floor(events) for _ in range(ROUNDS)]
    count = EVENTS - EVENTS // 2
    rates = [count / took for took, _, _ in rounds]
    rate, bare = median(rates), count / median(floors)
    lines = [
        Line(
            what="answers a second through the monitor, one core, 13 figures and a vector each",
            figure=f"{rate:,.0f}",
            target=f"at least {LEAST:,.0f}",
            met=rate >= LEAST,
        ),
        Line(
            what="the products with the reference alone",
            figure=f"{bare:,.0f} a second; the monitor reaches {rate / bare:.0%} of it",
        ),
        Line(
            what="the first half, in which 28 references are fitted up to three times",
            figure=f"{median([first for _, first, _ in rounds]):.1f} s for {count:,} answers",
        ),
    ]
    details = {
        "answers_per_s": spread(rates),
        "floor_per_s": spread([count / took for took in floors]),
        "first_half_s": spread([first for _, first, _ in rounds]),
        "told": [told for _, _, told in rounds],
    }
    return lines, details


if __name__ == "__main__":
    sys.exit(main("monitoring", measure))
