"""What every worker counts and times."""

from monitoring.metrics.metric import Family, Metric

BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)

WORKER_EVENTS = Metric(
    "freshet_worker_events_total",
    "counter",
    "events",
    ("role", "status"),
    "Events that a worker has dealt with, by what became of them.",
)
WORKER_DEAD_LETTERS = Metric(
    "freshet_worker_dead_letters_total",
    "counter",
    "events",
    ("role", "reason"),
    "Events that were put aside into `dead-letters`, by why.",
)
WORKER_BATCH = Metric(
    "freshet_worker_batch_events",
    "histogram",
    "events",
    ("role",),
    "Events that a worker took at once.",
    BATCHES,
)
WORKER_STAGE = Metric(
    "freshet_worker_stage_duration_seconds",
    "histogram",
    "seconds",
    ("role", "stage"),
    "The indexer's plan, embed and emit and the writer's apply and publish, per batch; of the "
    "answerer, per answer, what its `timings_ms` say.",
)
WORKER_LAG = Metric(
    "freshet_worker_lag_events",
    "gauge",
    "events",
    ("role",),
    "Events that wait for a worker or are in its hands, as of its last fetch.",
)

WORKERS = Family(
    "Every worker",
    """\
A worker takes events from the log and does one kind of work: it indexes documents, writes the
index, admits questions, answers them, judges answers, watches figures. `events` counts what each
has dealt with and what came of it. `lag` is how many events still wait for it: a lag that grows
means that more comes in than this worker can do, and that answers, freshness or scores will be
late; nothing is lost.

`dead_letters` counts events that could not be processed and were put aside, by why. They hold
nobody up, but somebody should look: `freshet dead-letters list` shows them, and once mended they
can be sent again. `batch` and `stage_duration` tell where the time goes, for whoever tunes it.""",
    (
        WORKER_EVENTS,
        WORKER_DEAD_LETTERS,
        WORKER_BATCH,
        WORKER_STAGE,
        WORKER_LAG,
    ),
)
