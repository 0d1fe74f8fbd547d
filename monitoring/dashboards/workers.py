"""The dashboard *Workers*."""

from monitoring.dashboards.panel import Dashboard, Panel, Query, Section, quantiles, rate

_answered = rate("nv_inference_request_success", "model")
_queued = rate("nv_inference_queue_duration_us", "model")

WORKERS = Dashboard(
    "freshet-workers",
    "Freshet: Workers",
    "Whether every process works, keeps up, and has room.",
    (
        Section(
            "Processes",
            (
                Panel(
                    "Up",
                    "1 where Prometheus can read a process's metrics.",
                    (Query("min by (job) (up)", "{{job}}"),),
                    kind="state-timeline",
                    greatest=1,
                    red_below=1,
                ),
                Panel(
                    "Memory",
                    "Resident, of each process of ours.",
                    (Query("sum by (job) (process_resident_memory_bytes)", "{{job}}"),),
                    unit="bytes",
                ),
                Panel(
                    "Processor",
                    "Cores that each process keeps busy.",
                    (rate("process_cpu_seconds_total", "job"),),
                ),
            ),
        ),
        Section(
            "Work",
            (
                Panel(
                    "Lag",
                    "Events that wait for each worker. Growing means that more comes in than it "
                    "can do.",
                    (Query("freshet:worker_lag_events:sum", "{{role}}"),),
                    red_from=1000,
                ),
                Panel(
                    "Events",
                    "That each worker has dealt with, a second.",
                    (rate("freshet_worker_events_total", "role"),),
                    unit="ops",
                ),
                Panel(
                    "Dead letters",
                    "Events put aside within 15 minutes, by worker and reason. "
                    "`freshet dead-letters list` shows them.",
                    (Query("freshet:dead_letters:increase15m", "{{role}} {{reason}}"),),
                    red_from=1,
                ),
                Panel(
                    "Dangling references",
                    "Aliases and routes that name a prompt which is not there. "
                    "`freshet prompts list` names them.",
                    (Query("max(freshet_steward_dangling_references)"),),
                    red_from=1,
                ),
                Panel(
                    "Batches",
                    "How many events a worker takes at once, at most, in 95 of 100 batches.",
                    quantiles("freshet_worker_batch_events", 0.95, by="role"),
                ),
                Panel(
                    "Slow steps",
                    "What 95 in 100 runs of each step took at most.",
                    quantiles("freshet_worker_stage_duration_seconds", 0.95, by="role, stage"),
                    unit="s",
                    width=12,
                ),
            ),
        ),
        Section(
            "Model server",
            (
                Panel(
                    "Requests",
                    "That Triton has answered, by model.",
                    (_answered,),
                    unit="reqps",
                ),
                Panel(
                    "Time in the queue",
                    "The mean wait of a request before its model takes it.",
                    (Query(f"{_queued.expr} / {_answered.expr} / 1e6", "{{model}}"),),
                    unit="s",
                ),
                Panel(
                    "Requests waiting",
                    "At each model.",
                    (Query("sum by (model) (nv_inference_pending_request_count)", "{{model}}"),),
                ),
            ),
        ),
    ),
)
