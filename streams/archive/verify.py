"""`freshet archive verify`: the log beside the archive, by other means than those that wrote it.

The log is read record by record by another client than Spark's, and compared with the rows in the
same order: each offset up to where the archive has come must be there once, with the same bytes.
"""

import asyncio
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from streams.archive.checkpoint import Checkpoint, Offsets
from streams.archive.compare import Comparison, Counts, Seen
from streams.archive.layout import Layout
from streams.archive.read import in_order, table
from streams.clients.kafka import Log

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from streams.clients.kafka import Record
    from streams.config import Settings


def verify(
    settings: "Settings",
    spark: "SparkSession",
    layout: Layout,
    topics: Sequence[str],
    say: Callable[[str], None],
) -> Iterator[Counts]:
    """What is wrong with each topic. Raises NoBroker and MissingTopic."""
    for topic in topics:
        say(f"comparing {topic}")
        name = settings.kafka.prefix + topic
        positions = Checkpoint(layout.checkpoint(topic), name).positions() or {}
        rows = _rows(spark, layout, topic)
        yield asyncio.run(_compare(Log(settings.kafka), Comparison(topic, rows), positions))


async def _compare(log: Log, comparison: Comparison, positions: Offsets) -> Counts:
    topic = comparison.counts.topic
    for partition, position in sorted(positions.items()):
        async for record in log.read(topic, partitions=[partition]):
            if record.offset >= position:
                break
            comparison.logged(_seen(record))
    return comparison.end()


def _seen(record: "Record") -> Seen:
    checksum = zlib.crc32((record.key or b"") + (record.value or b""))
    return Seen(record.partition, record.offset, checksum)


def _rows(spark: "SparkSession", layout: Layout, topic: str) -> Iterator[Seen]:
    from pyspark.sql import functions as f

    nothing = f.lit(b"")
    both = f.concat(f.coalesce("key", nothing), f.coalesce("value", nothing))
    rows: Any = table(spark, layout.table(topic)).select(
        "partition", "offset", f.crc32(both).alias("checksum")
    )
    return (Seen(row.partition, row.offset, row.checksum) for row in in_order(rows))
