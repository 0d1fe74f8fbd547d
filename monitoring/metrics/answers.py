"""What the answerer counts and times."""

from monitoring.metrics.metric import Family, Metric

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
ANSWERER_TOKENS = Metric(
    "freshet_answerer_tokens_total",
    "counter",
    "tokens",
    ("kind",),
    "Tokens of responses as the model server counted them; `kind` is `input` or `output`, or, of "
    "answers that nobody sees, `shadow_input` or `shadow_output`.",
)
ANSWERER_MISCOUNTED = Metric(
    "freshet_answerer_miscounted_tokens_total",
    "counter",
    "tokens",
    ("kind",),
    "By how many tokens the model server's counts and the tokenizer's differ.",
)
ANSWERER_STALENESS = Metric(
    "freshet_answerer_index_staleness_seconds",
    "gauge",
    "seconds",
    (),
    "How old the latest index time is that can be read.",
)

ANSWERER = Family(
    "Answerer",
    """\
What happens to questions. `responses` counts them by how they ended: `answered`, `unanswerable`
(the documents do not say), `refused`, `quota_exceeded`, or `failed`, then with the kind of error.
Many `unanswerable` ones mean that people ask what nobody has written down. `duration` is how long
an answer takes within Freshet, without the way through the gateway.

`tokens` is what the model read (`input`: the question and the passages) and wrote (`output`):
what a model server charges for. `miscounted` should stay at 0: where it grows, reservations are
made with another tokenizer than the model's (set `triton.tokenizer`), and budgets may be passed.

`index_staleness` is how old the newest state of the documents is that an answer could use at this
moment. It rises slowly while nothing happens and jumps back; what rises for minutes is an index
that has stopped following.""",
    (
        ANSWERER_RESPONSES,
        ANSWERER_DURATION,
        ANSWERER_TOKENS,
        ANSWERER_MISCOUNTED,
        ANSWERER_STALENESS,
    ),
)
