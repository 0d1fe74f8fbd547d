"""Offsets that the log had lost before they were archived.

Only the beginning of a log is ever taken from it: where a batch begins behind that beginning, what
lies between and is not in the table is a gap. Holes that compaction leaves further on are none.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streams.archive.checkpoint import Range
from streams.archive.layout import Layout, is_table
from streams.archive.read import table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SCHEMA = (
    "topic STRING, partition INT, from_offset BIGINT, until_offset BIGINT, noticed_at TIMESTAMP"
)


def suspects(ranges: Sequence[Range], starts: Mapping[int, int]) -> list[Range]:
    """What of a batch's ranges may have been taken from the log before it was read."""
    cut = (each._replace(end=min(each.end, starts.get(each.partition, 0))) for each in ranges)
    return [each for each in cut if each.begin < each.end]


def missing(rows: "DataFrame", within: "DataFrame") -> "DataFrame":
    """Runs of offsets that `rows` lacks: partition, from_offset, until_offset (exclusive).

    `within` has the ranges to look at: partition, begin, end.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    inside = (
        rows.join(f.broadcast(within), "partition")
        .where("offset >= begin AND offset < end")
        .select("partition", "offset")
    )
    edges = within.selectExpr("partition", "begin - 1 AS offset").unionByName(
        within.selectExpr("partition", "end AS offset")
    )
    before = f.lag("offset").over(Window.partitionBy("partition").orderBy("offset"))
    return (
        inside.unionByName(edges)
        .withColumn("from_offset", before + 1)
        .where("offset > from_offset")
        .select("partition", "from_offset", f.col("offset").alias("until_offset"))
    )


def record(
    spark: "SparkSession",
    layout: Layout,
    topic: str,
    ranges: Sequence[Range],
    batch: tuple[str, int],
) -> int:
    """Write the gaps of a batch, whose data are in the table; gives how many offsets they are.

    `batch` is the writer's id and the batch's number: the same one writes only once.
    """
    from pyspark.sql import functions as f

    writer, number = batch
    rows = table(spark, layout.table(topic))
    within = spark.createDataFrame(list(ranges), "partition INT, begin BIGINT, end BIGINT")
    found = missing(rows, within).select(
        f.lit(topic).alias("topic"),
        "*",
        f.lit(datetime.now(UTC)).cast("timestamp").alias("noticed_at"),
    )
    found = found.join(_known(spark, layout, topic), ["partition", "from_offset"], "left_anti")
    options = {"txnAppId": f"{writer}-gaps", "txnVersion": str(number)}
    columns = found.select("topic", "partition", "from_offset", "until_offset", "noticed_at")
    columns.write.format("delta").mode("append").options(**options).save(layout.gaps)
    return total(spark, layout, topic)


def _known(spark: "SparkSession", layout: Layout, topic: str) -> "DataFrame":
    return table(spark, layout.gaps).where(f"topic = '{topic}'")


def total(spark: "SparkSession", layout: Layout, topic: str) -> int:
    """All offsets of a topic that were lost before they were archived."""
    return sum(of_topic(spark, layout, topic).values())


def of_topic(spark: "SparkSession", layout: Layout, topic: str) -> dict[int, int]:
    """How many offsets each partition had lost."""
    from pyspark.sql import functions as f

    if not is_table(layout.gaps):
        return {}
    lost = f.sum(f.col("until_offset") - f.col("from_offset")).alias("lost")
    rows = _known(spark, layout, topic).groupBy("partition").agg(lost).collect()
    return {row["partition"]: row["lost"] for row in rows}
