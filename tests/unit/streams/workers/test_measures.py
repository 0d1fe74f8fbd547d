"""What is told of answers, figures and people is what `/metrics` shows."""

import math

import pytest
from prometheus_client import REGISTRY

from monitoring import metrics
from schemas.evaluations import Claim, Evaluation, Score
from schemas.monitoring import Alert, Drift, Window
from streams.workers import measures

WINDOW = Window(start=0, end=1, count=1)


def value(name: str, /, **labels: str) -> float:
    """A metric of this process; 0 before it is first set."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def evaluation(*scores: Score, claims: tuple[str, ...] = ()) -> Evaluation:
    """An evaluation with these scores, and a claim for each verdict."""
    return Evaluation(
        query_id="q",
        tenant="t",
        judge="j@1",
        at=1,
        scores=list(scores),
        claims=[Claim(start=0, end=1, verdict=verdict) for verdict in claims],  # type: ignore[arg-type]
    )


def drift(metric: str, *, drifted: bool = True) -> Drift:
    """A change of a figure."""
    return Drift(
        metric=metric,
        method="m",
        value=2,
        threshold=1,
        drifted=drifted,
        current=WINDOW,
        reference=WINDOW,
        at=1,
        kind="novelty",
    )


def test_an_evaluation_counts_its_claims_by_verdict() -> None:
    """And itself by its outcome."""
    names = [
        ("freshet_judge_evaluations_total", {"outcome": "judged"}),
        ("freshet_judge_delay_seconds_count", {}),
        ("freshet_judge_claims_total", {"verdict": "supported"}),
        ("freshet_judge_claims_total", {"verdict": "contradicted"}),
    ]
    before = [value(name, **labels) for name, labels in names]

    measures.evaluated(
        evaluation(claims=("supported", "contradicted", "supported")), 0.25, "judged"
    )

    after = [value(name, **labels) for name, labels in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 2, 1]


def test_scores_that_are_listed_are_shown_and_others_are_not() -> None:
    """A judge may invent names; a label may not grow with them."""
    name = "freshet_judge_score_sum"
    before = value(name, name="groundedness")

    measures.evaluated(
        evaluation(
            Score(name="groundedness", score=0.75),
            Score(name="relevance", error="judge_failed"),
            Score(name="charm", score=0.5),
        ),
        0.1,
        "judged",
    )

    assert value(name, name="groundedness") == before + 0.75
    assert REGISTRY.get_sample_value(name, {"name": "charm"}) is None


def test_refusals_are_counted_and_money_is_added_up() -> None:
    """A score below one half is no refusal."""
    before = value("freshet_judge_refusals_total"), value("freshet_judge_cost_usd_total")

    for refusal in (1.0, 0.0):
        scores = Score(name="refusal", score=refusal), Score(name="cost_usd", score=0.02)
        measures.evaluated(evaluation(*scores), 0.1, "no_claims")

    after = value("freshet_judge_refusals_total"), value("freshet_judge_cost_usd_total")
    assert after == (before[0] + 1, pytest.approx(before[1] + 0.04))


@pytest.mark.parametrize(
    ("metric", "shown"), [("query_words", "query_words"), ("made_up", measures.OTHER)]
)
def test_only_figures_that_are_listed_become_labels(metric: str, shown: str) -> None:
    """All others share one."""
    name = "freshet_monitor_observations_total"
    before = value(name, metric=shown, outcome="late")
    began = value("freshet_drift_alarms_total", metric=shown, kind="novelty", state="began")

    measures.observed(metric, "late", 3)
    measures.drifted(drift(metric))
    measures.drift_state(metric, active=2, nearness=1.5, reference_events=500)

    assert value(name, metric=shown, outcome="late") == before + 3
    after = value("freshet_drift_alarms_total", metric=shown, kind="novelty", state="began")
    assert after == began + 1
    assert value("freshet_drift_active", metric=shown) == 2
    assert value("freshet_drift_nearness_ratio", metric=shown) == 1.5
    assert value("freshet_drift_reference_events", metric=shown) == 500


def test_the_end_of_a_change_is_counted_apart() -> None:
    """From its beginning."""
    labels = {"metric": "error", "kind": "novelty", "state": "ended"}
    before = value("freshet_drift_alarms_total", **labels)

    measures.drifted(drift("error", drifted=False))

    assert value("freshet_drift_alarms_total", **labels) == before + 1


def test_agreement_is_unknown_until_it_can_be_told() -> None:
    """And a bin with too few answers stays unknown."""
    measures.begin("monitor")
    assert math.isnan(value("freshet_feedback_agreement_kappa"))

    measures.agreement(0.7, 40, {"0.8-0.9": (0.85, 0.8)})

    assert value("freshet_feedback_agreement_kappa") == 0.7
    assert value("freshet_feedback_agreement_pairs") == 40
    reliability = "freshet_feedback_reliability_ratio"
    assert value(reliability, bin="0.8-0.9", which="observed") == 0.8
    assert math.isnan(value(reliability, bin="0.0-0.1", which="predicted"))


def test_thumbs_are_counted_by_what_they_say() -> None:
    """And by what became of them."""
    before = value("freshet_feedback_total", rating="down", outcome="joined")

    measures.feedback(-1, "joined")

    assert value("freshet_feedback_total", rating="down", outcome="joined") == before + 1


def test_alerts_are_counted_and_those_that_hold_are_shown() -> None:
    """The number that holds survives a restart, since it is told anew."""
    before = value("freshet_alerts_changes_total", rule="r", state="firing")

    measures.alerted(
        Alert(
            metric="error",
            rule="r",
            state="firing",
            severity="warning",
            summary="s",
            value=1,
            threshold=0,
            since=1,
            at=1,
        )
    )
    measures.firing("r", "warning", 1)

    assert value("freshet_alerts_changes_total", rule="r", state="firing") == before + 1
    assert value("freshet_alerts_firing", rule="r", severity="warning") == 1


@pytest.mark.parametrize("role", ["gateway", "indexer", "answerer", "judge", "monitor"])
def test_what_has_no_labels_is_shown_as_0_from_the_start(role: str) -> None:
    """A rate cannot be told from a counter that appears with its first event."""
    measures.begin(role)

    for metric in metrics.FAMILIES[role].metrics:
        if metric.kind == "counter" and not metric.labels:
            assert REGISTRY.get_sample_value(metric.name) is not None
