"""The dashboard *Quotas*."""

from monitoring.dashboards.panel import (
    Dashboard,
    Panel,
    Query,
    Section,
    grown,
    quantiles,
    rate,
)

_REFUSALS = "freshet_admission_quota_refusals_total"

QUOTAS = Dashboard(
    "freshet-quotas",
    "Freshet: Quotas",
    "How full budgets are, who is refused, and whether the token ledger is in order.",
    (
        Section(
            "Now",
            (
                Panel(
                    "Fullest quota",
                    "Of the budgets of a day and more: how much of the fullest is used or held.",
                    (Query('max(freshet_ledger_fullest_ratio{kind="quota"})'),),
                    unit="percentunit",
                    kind="stat",
                    width=6,
                    red_from=0.9,
                ),
                Panel(
                    "Nearly used up",
                    "Budgets of a day and more of which nine tenths are gone.",
                    (Query('max(freshet_ledger_nearly_used_up_budgets{kind="quota"})'),),
                    kind="stat",
                    width=6,
                    red_from=1,
                ),
                Panel(
                    "Refused in the last hour",
                    "Questions that did not fit a rate or a quota.",
                    (grown(_REFUSALS),),
                    kind="stat",
                    width=6,
                ),
                Panel(
                    "Overdue",
                    "Reservations whose time is up and that nobody has ended. Always 0, or "
                    "admission does not run.",
                    (Query("min(freshet_ledger_overdue_requests)"),),
                    kind="stat",
                    width=6,
                    red_from=1,
                ),
            ),
        ),
        Section(
            "Budgets",
            (
                Panel(
                    "Fullest budget",
                    "The share that is used or held of the fullest, by kind. A rate (of an hour at "
                    "most) comes and goes; a quota grows until it begins anew.",
                    (Query("max by (kind) (freshet_ledger_fullest_ratio)", "{{kind}}"),),
                    unit="percentunit",
                ),
                Panel(
                    "Budgets nearly used up",
                    "How many are at nine tenths and more, by kind.",
                    (Query("max by (kind) (freshet_ledger_nearly_used_up_budgets)", "{{kind}}"),),
                ),
                Panel(
                    "Held",
                    "Tokens set aside for questions under way. What is not used comes back.",
                    (Query("max(freshet_ledger_held_tokens)", "tokens"),),
                ),
            ),
        ),
        Section(
            "Refusals",
            (
                Panel(
                    "Refused by quotas",
                    "Questions that did not fit a bound, by its kind and its unit.",
                    (rate(_REFUSALS, "kind, unit"),),
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Would have been refused",
                    "By budgets in shadow mode: what becomes of it when they are enforced.",
                    (
                        Query(
                            "max(rate(freshet_ledger_shadow_refusals_total[$__rate_interval]))",
                            "shadow",
                        ),
                    ),
                    unit="reqps",
                ),
                Panel(
                    "Waiting for tokens",
                    "Questions that wait until what others hold of a budget is free.",
                    (Query("sum(freshet_admission_waiting_requests)", "waiting"),),
                ),
            ),
        ),
        Section(
            "The ledger",
            (
                Panel(
                    "Time to admit",
                    "From when a worker takes a question up to its admission or refusal in the "
                    "log, waiting included.",
                    quantiles("freshet_admission_decision_seconds", 0.5, 0.99),
                    unit="s",
                ),
                Panel(
                    "Under way",
                    "Reservations that have no end yet.",
                    (Query("max(freshet_ledger_open_requests)", "open"),),
                ),
                Panel(
                    "Reservations that do not end",
                    "Their time is up. Admission releases them within seconds.",
                    (Query("min(freshet_ledger_overdue_requests)", "overdue"),),
                    red_from=1,
                ),
                Panel(
                    "Tokens counted otherwise",
                    "By how much the server's counts and the tokenizer's differ, a second: above "
                    "0, set `triton.tokenizer` to the model's own.",
                    (rate("freshet_answerer_miscounted_tokens_total", "kind"),),
                    red_from=1,
                ),
            ),
        ),
    ),
)
