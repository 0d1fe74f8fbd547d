"""The dashboard *Drift and alerts*."""

from monitoring.dashboards.panel import Dashboard, Panel, Query, Section, burn, grown, rate

_OBSERVATIONS = "freshet_monitor_observations_total"

DRIFT = Dashboard(
    "freshet-drift",
    "Freshet: Drift and alerts",
    "What is not as it was, and what somebody must look at.",
    (
        Section(
            "Alerts",
            (
                Panel(
                    "Firing in Prometheus",
                    "Rules of monitoring/rules that hold now.",
                    (Query('ALERTS{alertstate="firing"}', "{{alertname}}"),),
                    kind="table",
                    width=12,
                ),
                Panel(
                    "Firing in the stream",
                    "Rules of the monitor that hold now; their events are in the topic `alerts`.",
                    (Query("max by (rule, severity) (freshet_alerts_firing)", "{{rule}}"),),
                    kind="table",
                    width=12,
                ),
                Panel(
                    "Burn rates",
                    "How many times too fast the allowance of each objective is used up, over an "
                    "hour. At 1 it lasts exactly 30 days; above 14.4 somebody is called.",
                    (burn(".+", "1h"),),
                    width=12,
                    red_from=14.4,
                ),
                Panel(
                    "Alerts of the stream",
                    "How many began and ceased within an hour.",
                    (grown("freshet_alerts_changes_total", "rule, state"),),
                    width=12,
                ),
            ),
        ),
        Section(
            "Drift",
            (
                Panel(
                    "Figures in alarm",
                    "In how many parts of the traffic a figure behaves unlike its reference.",
                    (Query("max by (metric) (freshet_drift_active)", "{{metric}}"),),
                    kind="state-timeline",
                    width=12,
                    red_from=1,
                ),
                Panel(
                    "How near the next alarm is",
                    "The largest statistic over its threshold: at 1 it is an alarm.",
                    (Query("max by (metric) (freshet_drift_nearness_ratio)", "{{metric}}"),),
                    width=12,
                    red_from=1,
                ),
                Panel(
                    "Alarms",
                    "How many began and ended within an hour. Novelty is unlike anything before, "
                    "mix known topics asked more or less, value a figure that moved, missing one "
                    "that is no longer given.",
                    (grown("freshet_drift_alarms_total", "metric, kind, state"),),
                    width=12,
                ),
                Panel(
                    "How well the usual is known",
                    "Events that each figure is compared with. At 0 nothing can be noticed yet.",
                    (Query("max by (metric) (freshet_drift_reference_events)", "{{metric}}"),),
                    kind="bargauge",
                    width=12,
                ),
            ),
        ),
        Section(
            "The monitor at work",
            (
                Panel(
                    "Figures taken",
                    "By figure.",
                    (rate(f'{_OBSERVATIONS}{{outcome="taken"}}', "metric"),),
                ),
                Panel(
                    "Figures by outcome",
                    "Duplicates and late ones are left out, so that nothing counts twice and no "
                    "closed window changes; a fault is a figure that cannot be used.",
                    (rate(_OBSERVATIONS, "outcome"),),
                    stacked=True,
                ),
                Panel(
                    "Age of closed windows",
                    "How far behind the clock the monitor has closed its windows.",
                    (Query("max(freshet_monitor_watermark_age_seconds)", "age"),),
                    unit="s",
                ),
            ),
        ),
    ),
)
