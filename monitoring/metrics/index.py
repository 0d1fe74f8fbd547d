"""What the indexer and the writer count and time."""

from monitoring.metrics.metric import Family, Metric

FRESHNESS_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)

INDEXER_EMBEDDED_UNITS = Metric(
    "freshet_indexer_embedded_units_total",
    "counter",
    "units",
    (),
    "Units that had never been embedded before.",
)
INDEXER_EMBEDDED_WORDS = Metric(
    "freshet_indexer_embedded_words_total",
    "counter",
    "words",
    (),
    "Words in those units.",
)
INDEXER_KEPT_UNITS = Metric(
    "freshet_indexer_kept_units_total",
    "counter",
    "units",
    (),
    "Units of changed documents that stayed as they were.",
)
WRITER_FRESHNESS = Metric(
    "freshet_writer_freshness_seconds",
    "histogram",
    "seconds",
    (),
    "Of each document that was indexed or deleted: from the moment at which the broker wrote its "
    "event to the log until the progress that shows it is in the log, too. From then on a read of "
    "its partition shows it, and a question as soon as the other partitions have come as far, "
    "which the indexer's ticks bring along. By the broker's clock and the writer's.",
    FRESHNESS_S,
)

INDEXER = Family(
    "Indexer",
    """\
What updates cost. A document is cut into units (a sentence, a list item, a small table), and only
a unit that has never been seen before is embedded, which is what takes computing time.
`embedded_units` and `embedded_words` are what was paid for, `kept_units` what was not because it
had stayed as it was. If far more is embedded than has been written, ask what rewrites the
documents (a template, a date in every page).""",
    (
        INDEXER_EMBEDDED_UNITS,
        INDEXER_EMBEDDED_WORDS,
        INDEXER_KEPT_UNITS,
    ),
)
WRITER = Family(
    "Writer",
    """\
Freshness: how long after somebody has changed a document the answers can know it. `freshness`
measures it for every single change, from its arrival in the log until it can be found. After an
outage it includes the time that a change lay waiting, as a reader would have felt it.""",
    (WRITER_FRESHNESS,),
)
