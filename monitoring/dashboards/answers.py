"""The dashboard *Answers*."""

from monitoring.dashboards.panel import (
    Dashboard,
    Panel,
    Query,
    Section,
    burn,
    grown,
    mean,
    quantiles,
    rate,
)

_RESPONSES = "freshet_answerer_responses_total"
_DURATION = "freshet_answerer_duration_seconds"
_STAGE = "freshet_worker_stage_duration_seconds"
_REQUESTS = "freshet_gateway_requests_total"

ANSWERS = Dashboard(
    "freshet-answers",
    "Freshet: Answers",
    "How many questions are answered, how soon, with how many errors, and what that costs.",
    (
        Section(
            "Now",
            (
                Panel(
                    "Answers a minute",
                    "Questions that got a response, whatever it was.",
                    (Query(f"60 * sum(rate({_RESPONSES}[$__rate_interval]))"),),
                    kind="stat",
                    width=6,
                ),
                Panel(
                    "Failed",
                    "Of the last 5 minutes' questions. The objective is less than 1%.",
                    (Query('freshet:slo_bad:ratio_rate5m{slo="errors"}'),),
                    unit="percentunit",
                    kind="stat",
                    width=6,
                    red_from=0.01,
                ),
                Panel(
                    "Later than 2.5 s",
                    "Of the last 5 minutes' answers. The objective is less than 5%.",
                    (Query('freshet:slo_bad:ratio_rate5m{slo="latency"}'),),
                    unit="percentunit",
                    kind="stat",
                    width=6,
                    red_from=0.05,
                ),
                Panel(
                    "Waiting",
                    "Questions at the gateway that have no answer yet.",
                    (Query("sum(freshet_gateway_waiting_requests)"),),
                    kind="stat",
                    width=6,
                ),
            ),
        ),
        Section(
            "Questions and answers",
            (
                Panel(
                    "Responses",
                    "By status. Many unanswerable ones: people ask what nobody has written.",
                    (rate(_RESPONSES, "status"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Errors",
                    "Responses of questions that failed, by the type of error.",
                    (rate(f'{_RESPONSES}{{error!=""}}', "error"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Admission",
                    "What became of questions at the door: admitted, or refused, and why.",
                    (rate('freshet_worker_events_total{role="admission"}', "status"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Shadows",
                    "Answers that were made to be compared and nobody sees, by status.",
                    (rate("freshet_routes_shadows_total", "status"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Branches that cannot be used",
                    "Routes name a prompt, alias or index version that is not there. Should be 0.",
                    (Query("max(freshet_routes_unusable_branches)"),),
                    red_from=1,
                ),
                Panel(
                    "Time to answer",
                    "From a question's admission to its response in the log: half are sooner than "
                    "p50, and one in a hundred is later than p99.",
                    quantiles(_DURATION, 0.5, 0.95, 0.99),
                    unit="s",
                ),
                Panel(
                    "Where the time goes",
                    "The mean of each step of an answer.",
                    (mean(_STAGE, "stage", '{role="answerer"}'),),
                    unit="s",
                    stacked=True,
                ),
                Panel(
                    "Burn rates",
                    "How many times too fast the allowance of each objective is used up, over an "
                    "hour. At 1 it lasts exactly 30 days; above 14.4 somebody is called.",
                    (burn("errors|latency", "1h"),),
                    red_from=14.4,
                ),
            ),
        ),
        Section(
            "At the gateway",
            (
                Panel(
                    "Requests",
                    "By HTTP status: 4xx is the caller's mistake, 5xx ours, 499 a caller who left.",
                    (rate(_REQUESTS, "status"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Requests by route",
                    "Which part of the interface is used.",
                    (rate(_REQUESTS, "method, route"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Time of requests",
                    "What 95 in 100 callers of each route waited at most.",
                    quantiles("freshet_gateway_request_duration_seconds", 0.95, by="route"),
                    unit="s",
                ),
                Panel(
                    "First piece of a streamed answer",
                    "How long somebody at a screen sees nothing.",
                    quantiles("freshet_gateway_first_piece_seconds", 0.5, 0.95),
                    unit="s",
                ),
                Panel(
                    "Refused",
                    "Requests that got an error, by its code.",
                    (rate("freshet_gateway_refused_total", "code"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Keys",
                    "Requests by how the key stood that they came with. `expiring`: somebody still "
                    "uses one that ends within a week, such as the old one after a rotation.",
                    (rate("freshet_gateway_keys_total", "state"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Given up",
                    "Questions whose callers had left before the answer was there.",
                    (rate("freshet_gateway_cancelled_total", named="cancelled"),),
                    unit="reqps",
                ),
            ),
        ),
        Section(
            "Tokens and cost",
            (
                Panel(
                    "Tokens",
                    "What the model read (input) and wrote (output), a second; of shadows apart.",
                    (rate("freshet_answerer_tokens_total", "kind"),),
                    stacked=True,
                ),
                Panel(
                    "Tokens of one response",
                    "The mean. Growing input means longer passages or more of them.",
                    (
                        Query(
                            "sum by (kind) (rate("
                            'freshet_answerer_tokens_total{kind=~"input|output"}'
                            "[$__rate_interval]))"
                            f" / on () group_left () sum(rate({_RESPONSES}[$__rate_interval]))",
                            "{{kind}}",
                        ),
                    ),
                ),
                Panel(
                    "Cost",
                    "Of the answers of one hour, by the prices in the settings; 0 without prices.",
                    (grown("freshet_judge_cost_usd_total", named="USD an hour"),),
                    unit="currencyUSD",
                ),
            ),
        ),
    ),
)
