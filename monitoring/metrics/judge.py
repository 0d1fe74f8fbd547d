"""What the judge counts and times."""

from monitoring.metrics.metric import Family, Metric

SCORES = ("groundedness", "relevance", "completeness", "utilisation", "context_precision")
"""The scores between 0 and 1 that are shown; others are in `evaluations` alone."""
TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

JUDGE_EVALUATIONS = Metric(
    "freshet_judge_evaluations_total",
    "counter",
    "answers",
    ("outcome",),
    "Evaluations that are in the log: `judged`, `no_claims`, `no_answer`, `no_passages` or "
    "`not_judged`; `shadow` are those of answers that nobody has seen, which count nowhere else.",
)
JUDGE_CLAIMS = Metric(
    "freshet_judge_claims_total",
    "counter",
    "claims",
    ("verdict",),
    "Claims of answers: `supported`, `contradicted`, `unsupported` or `uncheckable`.",
)
JUDGE_SCORE = Metric(
    "freshet_judge_score",
    "histogram",
    "score",
    ("name",),
    "Scores of answers between 0 and 1: `groundedness`, `relevance`, `completeness`, "
    "`utilisation`, `context_precision`.",
    TENTHS,
)
JUDGE_DELAY = Metric(
    "freshet_judge_delay_seconds",
    "histogram",
    "seconds",
    (),
    "From an answer's being in the log until its evaluation is.",
)
JUDGE_REFUSALS = Metric(
    "freshet_judge_refusals_total",
    "counter",
    "answers",
    (),
    "Answers that decline to answer.",
)
JUDGE_COST = Metric(
    "freshet_judge_cost_usd_total",
    "counter",
    "dollars",
    (),
    "What the answers that were judged have cost, by the prices that are set.",
)

JUDGE = Family(
    "Judge",
    """\
Whether answers are true to the documents. The judge splits each answer into claims and looks for
each one in the passages that the answer was written from. `claims` counts what it found:
`supported` (the passages say so), `contradicted` (they say otherwise), `unsupported` (they do not
say), `uncheckable` (nothing that could be true or false). A contradicted claim is the worst kind.

`score` has one value between 0 and 1 for each answer and each question that one may ask of it:
*groundedness*, how sure the judge is that what the answer claims is in its sources; *relevance*,
whether it speaks of what was asked; *completeness*, whether all of the question is dealt with;
*utilisation*, how much of what was retrieved the answer used; *context precision*, how much of
what was retrieved belonged to the matter. Low utilisation is money spent on reading for nothing;
low precision is a fault of the search, not of the model that writes.

`evaluations` counts the answers looked at, by whether there was anything to judge. `refusals`
counts answers that decline. `delay` is how long after an answer its verdict is there: the judge
never holds an answer up, so under load it is the judgement that comes later. `cost` is in US
dollars by the prices in the settings; it stays at 0 until prices are set.""",
    (
        JUDGE_EVALUATIONS,
        JUDGE_CLAIMS,
        JUDGE_SCORE,
        JUDGE_DELAY,
        JUDGE_REFUSALS,
        JUDGE_COST,
    ),
)
