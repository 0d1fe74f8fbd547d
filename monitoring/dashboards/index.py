"""The dashboard *Index*."""

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

_FRESHNESS = "freshet_writer_freshness_seconds"
_EVENTS = "freshet_worker_events_total"
_STAGE = "freshet_worker_stage_duration_seconds"
_STALENESS = "freshet_answerer_index_staleness_seconds"

INDEX = Dashboard(
    "freshet-index",
    "Freshet: Index",
    "How soon a changed document is known to the answers, and what updates cost.",
    (
        Section(
            "Freshness",
            (
                Panel(
                    "Freshness",
                    "From a document's event in the log to the moment at which it shows.",
                    quantiles(_FRESHNESS, 0.5, 0.95, 0.99),
                    unit="s",
                ),
                Panel(
                    "Freshness, spread out",
                    "How many changed documents took how long.",
                    (
                        Query(
                            f"sum by (le) (increase({_FRESHNESS}_bucket[$__rate_interval]))",
                            "{{le}}",
                        ),
                    ),
                    unit="s",
                    kind="heatmap",
                ),
                Panel(
                    "Later than 30 s",
                    "Share of the documents changed within 5 minutes. The objective is less than "
                    "5%.",
                    (Query('freshet:slo_bad:ratio_rate5m{slo="freshness"}', "late"),),
                    unit="percentunit",
                    greatest=1,
                    red_from=0.05,
                ),
                Panel(
                    "Staleness",
                    "How old the newest state is that an answer can use. It rises while nothing "
                    "happens and jumps back; rising for a minute it is an alert.",
                    (Query(f"max({_STALENESS})", "worst"), Query(f"min({_STALENESS})", "best")),
                    unit="s",
                    red_from=60,
                ),
                Panel(
                    "Waiting",
                    "Documents that wait for the indexer, and changes that wait for the writer.",
                    (Query('freshet:worker_lag_events:sum{role=~"indexer|writer"}', "{{role}}"),),
                ),
                Panel(
                    "Burn rate of freshness",
                    "How many times too fast the allowance is used up, over an hour.",
                    (burn("freshness", "1h"),),
                    red_from=14.4,
                ),
            ),
        ),
        Section(
            "Updates",
            (
                Panel(
                    "Documents",
                    "By what became of their events. Unchanged ones cost nothing.",
                    (rate(f'{_EVENTS}{{role="indexer"}}', "status"),),
                    stacked=True,
                ),
                Panel(
                    "Changes written",
                    "Records of index.changes that the writer applied, or knew already.",
                    (rate(f'{_EVENTS}{{role="writer"}}', "status"),),
                    stacked=True,
                ),
                Panel(
                    "Units",
                    "Of changed documents: embedded, because they are new, or kept as they were.",
                    (
                        rate("freshet_indexer_embedded_units_total", named="embedded"),
                        rate("freshet_indexer_kept_units_total", named="kept"),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Words embedded",
                    "A second: what updates cost in computing time.",
                    (rate("freshet_indexer_embedded_words_total", named="words"),),
                ),
                Panel(
                    "Steps of a batch",
                    "The mean of each step of the indexer and the writer.",
                    (mean(_STAGE, "role, stage", '{role=~"indexer|writer"}'),),
                    unit="s",
                ),
                Panel(
                    "Documents in a batch",
                    "Under load batches grow until the work keeps up.",
                    (mean("freshet_worker_batch_events", "role", '{role=~"indexer|writer"}'),),
                ),
            ),
        ),
    ),
)
