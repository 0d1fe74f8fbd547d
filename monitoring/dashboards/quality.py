"""The dashboard *Quality*."""

from monitoring.dashboards.panel import (
    Dashboard,
    Panel,
    Query,
    Section,
    burn,
    mean,
    quantiles,
    rate,
)

_SCORE = "freshet_judge_score"
_CLAIMS = "freshet_judge_claims_total"
_EVALUATIONS = "freshet_judge_evaluations_total"
_RELIABILITY = "freshet_feedback_reliability_ratio"

QUALITY = Dashboard(
    "freshet-quality",
    "Freshet: Quality",
    "Whether answers are true to their sources and to the point, by the judge and by people.",
    (
        Section(
            "Now",
            (
                Panel(
                    "Groundedness",
                    "The mean of the last minutes: how sure the judge is that what is claimed is "
                    "in the sources.",
                    (mean(_SCORE, select='{name="groundedness"}'),),
                    kind="stat",
                    width=6,
                    greatest=1,
                    red_below=0.7,
                ),
                Panel(
                    "Doubtful answers",
                    "Share of the last 5 minutes' answers with a groundedness of 0.5 or less. The "
                    "objective is less than 5%.",
                    (Query('freshet:slo_bad:ratio_rate5m{slo="groundedness"}'),),
                    unit="percentunit",
                    kind="stat",
                    width=6,
                    red_from=0.05,
                ),
                Panel(
                    "Judge and people agree",
                    "Cohen's kappa: 1 is always, 0 no better than chance. Empty until there are "
                    "enough answers that both have judged.",
                    (Query("max(freshet_feedback_agreement_kappa)"),),
                    kind="stat",
                    width=6,
                    greatest=1,
                    red_below=0.4,
                ),
                Panel(
                    "Judged by both",
                    "Answers that kappa is told from.",
                    (Query("max(freshet_feedback_agreement_pairs)"),),
                    kind="stat",
                    width=6,
                ),
            ),
        ),
        Section(
            "The judge's verdicts",
            (
                Panel(
                    "Claims",
                    "By verdict. A contradicted claim is the worst: the sources say otherwise.",
                    (rate(_CLAIMS, "verdict"),),
                    stacked=True,
                ),
                Panel(
                    "Claims that hold",
                    "Share of supported ones among all that can be checked.",
                    (
                        Query(
                            f'sum(rate({_CLAIMS}{{verdict="supported"}}[$__rate_interval])) / '
                            f'sum(rate({_CLAIMS}{{verdict!="uncheckable"}}[$__rate_interval]))',
                            "supported",
                        ),
                    ),
                    unit="percentunit",
                    greatest=1,
                ),
                Panel(
                    "Groundedness, spread out",
                    "How many answers had which score: a mean can hide that some are quite wrong.",
                    (
                        Query(
                            f'sum by (le) (increase({_SCORE}_bucket{{name="groundedness"}}'
                            "[$__rate_interval]))",
                            "{{le}}",
                        ),
                    ),
                    kind="heatmap",
                ),
                Panel(
                    "All scores",
                    "Means. Low utilisation is money spent on reading for nothing; low context "
                    "precision is a fault of the search.",
                    (mean(_SCORE, "name"),),
                    greatest=1,
                ),
                Panel(
                    "Burn rate of groundedness",
                    "How many times too fast the allowance is used up, over an hour and over six.",
                    (
                        burn("groundedness", "1h", "1 h"),
                        burn("groundedness", "6h", "6 h"),
                    ),
                    red_from=14.4,
                ),
                Panel(
                    "Refusals",
                    "Share of answers that decline to answer.",
                    (
                        Query(
                            "sum(rate(freshet_judge_refusals_total[$__rate_interval])) / "
                            f"sum(rate({_EVALUATIONS}[$__rate_interval]))",
                            "refusals",
                        ),
                    ),
                    unit="percentunit",
                    greatest=1,
                ),
            ),
        ),
        Section(
            "The judge at work",
            (
                Panel(
                    "Evaluations",
                    "Answers that were looked at, by whether there was anything to judge.",
                    (rate(_EVALUATIONS, "outcome"),),
                    stacked=True,
                ),
                Panel(
                    "How late the judge is",
                    "From an answer in the log to its evaluation. Answers never wait for it.",
                    quantiles("freshet_judge_delay_seconds", 0.5, 0.95),
                    unit="s",
                ),
                Panel(
                    "Answers that wait for the judge",
                    "None is left out; under load the judge is later.",
                    (Query('freshet:worker_lag_events:sum{role="judge"}', "waiting"),),
                ),
            ),
        ),
        Section(
            "People",
            (
                Panel(
                    "Feedback",
                    "Thumbs up, down, or neither.",
                    (rate("freshet_feedback_total", "rating"),),
                    stacked=True,
                ),
                Panel(
                    "What became of feedback",
                    "Whether it could be joined to the answer that it is for.",
                    (rate("freshet_feedback_total", "outcome"),),
                    stacked=True,
                ),
                Panel(
                    "Can the judge's certainty be trusted?",
                    "For each range of groundedness: what the judge predicts, and the share of "
                    "answers that people found right. Equal bars are what one wants.",
                    (Query(f"max by (bin, which) ({_RELIABILITY})", "{{bin}} {{which}}"),),
                    unit="percentunit",
                    kind="bargauge",
                    greatest=1,
                ),
            ),
        ),
    ),
)
