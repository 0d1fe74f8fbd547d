"""What the workers count and time: a few calls a batch or an answer, none a unit."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from monitoring import metrics

if TYPE_CHECKING:
    from processors.indexer import Plan
    from schemas.evaluations import Evaluation
    from schemas.monitoring import Alert, Drift
    from schemas.responses import Error, Response, Usage

UNNAMED = "unnamed"
"""What became of an event of `documents` that names no document: there is no change for it."""
OTHER = "other"
"""A figure that no list names: labels stay bounded."""

_RATINGS = {1: "up", 0: "none", -1: "down"}
_NAN = float("nan")


def begin(role: str) -> None:
    """Show from the start what a role counts and has not yet counted."""
    if role in metrics.FAMILIES:
        metrics.begin(metrics.FAMILIES[role])
    if role == "monitor":
        agreement(None, 0, {})


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


def shown(after_s: Iterable[float]) -> None:
    """Documents' events show, so long after the broker wrote them to the log."""
    for seconds in after_s:
        metrics.histogram(metrics.WRITER_FRESHNESS).observe(max(seconds, 0.0))


def responded(response: "Response", took_s: float) -> None:
    """A response is in the log, so long after its question was admitted."""
    if response.shadow_of is not None:
        metrics.counter(metrics.ROUTES_SHADOWS).labels(response.status).inc()
        _tokens(response, "shadow_")
        return
    error = response.error.type if response.error else ""
    metrics.counter(metrics.ANSWERER_RESPONSES).labels(response.status, error).inc()
    metrics.histogram(metrics.ANSWERER_DURATION).labels(response.status).observe(took_s)
    _tokens(response)
    for name, taken_ms in response.timings_ms.items():
        metrics.histogram(metrics.WORKER_STAGE).labels("answerer", name).observe(taken_ms / 1000)


def _tokens(response: "Response", whose: str = "") -> None:
    for kind, tokens in (
        ("input", response.usage.input_tokens),
        ("output", response.usage.output_tokens),
    ):
        metrics.counter(metrics.ANSWERER_TOKENS).labels(f"{whose}{kind}").inc(tokens)


def unusable(branches: int) -> None:
    """So many branches of routes lack what they name."""
    metrics.gauge(metrics.ROUTES_UNUSABLE).set(branches)


def decided(took_s: float, error: "Error | None") -> None:
    """A question was admitted, or refused for a bound, so long after it was taken up."""
    metrics.histogram(metrics.ADMISSION_DECISION).observe(took_s)
    if error is not None and error.limit is not None:
        labels = error.limit.kind, error.limit.unit
        metrics.counter(metrics.ADMISSION_REFUSED).labels(*labels).inc()


def settled(used: "Usage", counted: "Usage") -> None:
    """An answer is charged what the model's server counted; `counted` is the tokenizer's."""
    for kind, one, other in (
        ("input", used.input_tokens, counted.input_tokens),
        ("output", used.output_tokens, counted.output_tokens),
    ):
        metrics.counter(metrics.ANSWERER_MISCOUNTED).labels(kind).inc(abs(one - other))


def evaluated(evaluation: "Evaluation", delay_s: float, outcome: str) -> None:
    """An evaluation is in the log, so long after its answer.

    A score of `refusal` from 0.5 on is a refusal; the score `cost_usd` is money.
    """
    is_shadow = evaluation.shadow_of is not None
    metrics.counter(metrics.JUDGE_EVALUATIONS).labels("shadow" if is_shadow else outcome).inc()
    if is_shadow:
        return
    metrics.histogram(metrics.JUDGE_DELAY).observe(max(delay_s, 0.0))
    for claim in evaluation.claims:
        metrics.counter(metrics.JUDGE_CLAIMS).labels(claim.verdict).inc()
    for name, score in ((each.name, each.score) for each in evaluation.scores):
        if score is None:
            continue
        if name in metrics.SCORES:
            metrics.histogram(metrics.JUDGE_SCORE).labels(name).observe(score)
        elif name == "refusal" and score >= 0.5:
            metrics.counter(metrics.JUDGE_REFUSALS).inc()
        elif name == "cost_usd":
            metrics.counter(metrics.JUDGE_COST).inc(max(score, 0.0))


def observed(metric: str, outcome: str, count: int = 1) -> None:
    """Observations of a figure came to this; `metric` is one of `metrics.OBSERVED`."""
    metrics.counter(metrics.MONITOR_OBSERVATIONS).labels(_figure(metric), outcome).inc(count)


def behind(watermark_age_s: float) -> None:
    """How old the event time is up to which windows are closed."""
    metrics.gauge(metrics.MONITOR_WATERMARK_AGE).set(watermark_age_s)


def drifted(drift: "Drift") -> None:
    """A drift event is in the log."""
    labels = _figure(drift.metric), drift.kind or OTHER, "began" if drift.drifted else "ended"
    metrics.counter(metrics.DRIFT_ALARMS).labels(*labels).inc()


def drift_state(metric: str, active: int, nearness: float, reference_events: int) -> None:
    """Of all parts of the traffic: in how many a figure is in alarm, and how near the nearest."""
    for gauge, value in (
        (metrics.DRIFT_ACTIVE, active),
        (metrics.DRIFT_NEARNESS, nearness),
        (metrics.DRIFT_REFERENCE, reference_events),
    ):
        metrics.gauge(gauge).labels(_figure(metric)).set(value)


def feedback(rating: int | None, outcome: str) -> None:
    """Somebody's feedback came to this; None where the rating is no longer known."""
    metrics.counter(metrics.FEEDBACK).labels(
        _RATINGS.get(rating, OTHER) if rating is not None else OTHER, outcome
    ).inc()


def agreement(kappa: float | None, pairs: int, bins: Mapping[str, tuple[float, float]]) -> None:
    """How judge and people agree: kappa, if it can be told, over so many answers.

    `bins` gives what was predicted and what was observed by a bin of `metrics.BINS`; a bin that
    is not given has too few answers.
    """
    metrics.gauge(metrics.FEEDBACK_KAPPA).set(_NAN if kappa is None else kappa)
    metrics.gauge(metrics.FEEDBACK_PAIRS).set(pairs)
    reliability = metrics.gauge(metrics.FEEDBACK_RELIABILITY)
    for name in metrics.BINS:
        for which, value in zip(
            ("predicted", "observed"), bins.get(name, (_NAN, _NAN)), strict=True
        ):
            reliability.labels(name, which).set(value)


def alerted(alert: "Alert") -> None:
    """An alert began or ceased to hold, and says so in the log."""
    metrics.counter(metrics.ALERTS_CHANGES).labels(alert.rule, alert.state).inc()


def firing(rule: str, severity: str, count: int) -> None:
    """So many alerts of a rule hold now; told after each change, and after a restart."""
    metrics.gauge(metrics.ALERTS_FIRING).labels(rule, severity).set(count)


def _figure(name: str) -> str:
    return name if name in metrics.OBSERVED else OTHER
