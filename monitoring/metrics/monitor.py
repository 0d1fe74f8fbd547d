"""What the monitor sees: drift, feedback and alerts."""

from monitoring.metrics.metric import Family, Metric

OBSERVED = (
    "query_embedding",
    "document_embedding",
    "query_words",
    "document_words",
    "document_freshness_s",
    "retrieval_score",
    "answer_words",
    "groundedness",
    "relevance",
    "completeness",
    "utilisation",
    "context_precision",
    "readability",
    "refusal",
    "latency_ms",
    "cost_usd",
    "error",
    "feedback_rating",
)
"""The figures that are watched: all that the label `metric` can be."""
BINS = tuple(f"{tenth / 10:.1f}-{(tenth + 1) / 10:.1f}" for tenth in range(10))
"""Bins of groundedness: all that the label `bin` can be."""

MONITOR_OBSERVATIONS = Metric(
    "freshet_monitor_observations_total",
    "counter",
    "events",
    ("metric", "outcome"),
    "Figures that came to the monitor: `taken`, `duplicate`, `late` or `fault`.",
)
MONITOR_WATERMARK_AGE = Metric(
    "freshet_monitor_watermark_age_seconds",
    "gauge",
    "seconds",
    (),
    "How far the event time up to which windows are closed lies behind the clock.",
)
DRIFT_ALARMS = Metric(
    "freshet_drift_alarms_total",
    "counter",
    "alarms",
    ("metric", "kind", "state"),
    "Changes that began or ended: `novelty`, `mix`, `value` or `missing`.",
)
DRIFT_ACTIVE = Metric(
    "freshet_drift_active",
    "gauge",
    "parts",
    ("metric",),
    "Parts of the traffic in which a figure is in alarm now.",
)
DRIFT_NEARNESS = Metric(
    "freshet_drift_nearness_ratio",
    "gauge",
    "ratio",
    ("metric",),
    "The largest statistic of a figure over its threshold; from 1 on it is an alarm.",
)
DRIFT_REFERENCE = Metric(
    "freshet_drift_reference_events",
    "gauge",
    "events",
    ("metric",),
    "Events that a figure is compared with; 0 while too few have come.",
)
FEEDBACK = Metric(
    "freshet_feedback_total",
    "counter",
    "events",
    ("rating", "outcome"),
    "People's verdicts: `up`, `down` or `none`, and what became of the feedback.",
)
FEEDBACK_KAPPA = Metric(
    "freshet_feedback_agreement_kappa",
    "gauge",
    "ratio",
    (),
    "Cohen's kappa between judge and people; NaN until it can be told.",
)
FEEDBACK_PAIRS = Metric(
    "freshet_feedback_agreement_pairs",
    "gauge",
    "answers",
    (),
    "Answers of which both the judge and somebody have given a verdict.",
)
FEEDBACK_RELIABILITY = Metric(
    "freshet_feedback_reliability_ratio",
    "gauge",
    "ratio",
    ("bin", "which"),
    "Of the answers in each bin of groundedness: what the judge `predicted` on average, and the "
    "share that people `observed` to be right.",
)
ALERTS_FIRING = Metric(
    "freshet_alerts_firing",
    "gauge",
    "alerts",
    ("rule", "severity"),
    "Alerts of a rule that hold now.",
)
ALERTS_CHANGES = Metric(
    "freshet_alerts_changes_total",
    "counter",
    "alerts",
    ("rule", "state"),
    "Alerts that began (`firing`) or ceased (`resolved`) to hold.",
)

MONITOR = Family(
    "Monitor",
    """\
Whether something has changed. The monitor watches figures (what is asked, how long answers are,
how grounded, how late) and compares what comes in with what was usual before: its reference.
`drift_active` is the one to look at: above 0, the figure behaves unlike it did, in so many parts
of the traffic. `drift_alarms` counts beginnings and ends, and by kind: `novelty` (questions or
texts unlike any seen), `mix` (known topics, asked more or less often), `value` (a figure moved up
or down), `missing` (a figure is no longer given). `drift_nearness` shows how near the next alarm
is, with 1 as the threshold; `drift_reference` by how many events "usual" is known: at 0 nothing
can be noticed yet. Drift is not a fault; it is a reason to look. What moved and five examples are
in the topic `drift`.

`feedback` counts thumbs by what they said and whether they could be joined to an answer. Where
people and the judge have both spoken, `agreement_kappa` tells how well they agree, beyond what
chance would give: 1 is always, 0 no better than dice, and above 0.6 is usually called good. It is
not known, and shown as no value, before there are enough pairs; `agreement_pairs` says how many
there are. The reliability figures tell whether the judge's certainty can be taken at its word: of
the answers that it is 80% sure of, people should find about 80% right.

`alerts_firing` is what somebody must look at now, by rule; `alerts_changes` how often rules have
begun and ceased to hold. `observations` and `watermark_age` tell of the monitor's own health:
figures that came too late for their window, twice or broken, and how far behind the clock it has
closed its windows.""",
    (
        MONITOR_OBSERVATIONS,
        MONITOR_WATERMARK_AGE,
        DRIFT_ALARMS,
        DRIFT_ACTIVE,
        DRIFT_NEARNESS,
        DRIFT_REFERENCE,
        FEEDBACK,
        FEEDBACK_KAPPA,
        FEEDBACK_PAIRS,
        FEEDBACK_RELIABILITY,
        ALERTS_FIRING,
        ALERTS_CHANGES,
    ),
)
