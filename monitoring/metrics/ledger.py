"""What is counted and timed of the token ledger."""

from monitoring.metrics.metric import Family, Metric

ADMISSION_DECISION = Metric(
    "freshet_admission_decision_seconds",
    "histogram",
    "seconds",
    (),
    "From when a worker takes a question up to its admission or refusal in the log.",
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0),
)
ADMISSION_WAITING = Metric(
    "freshet_admission_waiting_requests",
    "gauge",
    "requests",
    (),
    "Questions that wait until what others hold of a budget is free.",
)
ADMISSION_REFUSED = Metric(
    "freshet_admission_quota_refusals_total",
    "counter",
    "requests",
    ("kind", "unit"),
    "Questions that did not fit a bound: of a `rate`, where waiting helps soon, or of a `quota`.",
)

ADMISSION = Family(
    "Admission and the token ledger",
    """\
Before a question is answered, the tokens that it can come to are set aside, and what it came to is
charged afterwards. `decision` is how long that takes in a worker, from taking a question up to
having it admitted or refused in the log. A question that finds no room only because of what others
have set aside waits a little: `waiting` is how many do at this moment, and they are in `decision`,
too.

`quota_refusals` counts those that got no answer, by the kind of bound (a `rate` of an hour at most,
or a `quota` of a day and more) and what it bounds. `freshet quota usage` says whose they are.""",
    (ADMISSION_DECISION, ADMISSION_WAITING, ADMISSION_REFUSED),
)
