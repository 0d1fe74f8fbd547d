"""What an archive holds, table by table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from streams.archive import gaps
from streams.archive.layout import Layout, named
from streams.archive.read import table

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession


class Partition(Struct, frozen=True, kw_only=True):
    """The rows of one partition of the log."""

    partition: int
    rows: int
    first: int | None
    """The least offset; None where there are no rows."""
    last: int | None
    lost: int
    """Offsets that the log had lost before they were archived."""


class Held(Struct, frozen=True, kw_only=True):
    """The table of one topic. Event times are microseconds since the epoch."""

    topic: str
    rows: int
    faulty: int
    """Rows that are not as their schema wants them."""
    first_event: int | None
    last_event: int | None
    version: int
    """The newest of the Delta table."""
    oldest_version: int
    """The oldest that its log still tells of."""
    files: int
    bytes: int
    partitions: list[Partition]


def held(spark: "SparkSession", layout: Layout, topics: Sequence[str]) -> Iterator[Held]:
    """Each table, as it stands."""
    return (_held(spark, layout, topic) for topic in topics)


def _held(spark: "SparkSession", layout: Layout, topic: str) -> Held:
    path = layout.table(topic)
    rows = (
        table(spark, path)
        .groupBy("partition")
        .agg(*_figures())
        .orderBy("partition")
        .collect()  # a row for each partition of the topic
    )
    detail = spark.sql(f"DESCRIBE DETAIL {named(path)}").head()
    versions = (
        spark.sql(f"DESCRIBE HISTORY {named(path)}").selectExpr("max(version)", "min(version)")
    ).head()
    if detail is None or versions is None:
        raise RuntimeError(f"Delta tells nothing of {path}")
    return Held(
        topic=topic,
        rows=sum(row["rows"] for row in rows),
        faulty=sum(row["faulty"] for row in rows),
        first_event=min((row["first_event"] for row in rows), default=None),
        last_event=max((row["last_event"] for row in rows), default=None),
        version=versions[0],
        oldest_version=versions[1],
        files=detail["numFiles"],
        bytes=detail["sizeInBytes"],
        partitions=_partitions(rows, gaps.of_topic(spark, layout, topic)),
    )


def _partitions(rows: Sequence[Any], lost: Mapping[int, int]) -> list[Partition]:
    """Those that have rows, and those of which all was lost."""
    found = {row["partition"]: row for row in rows}
    return [
        Partition(
            partition=each,
            rows=found[each]["rows"] if each in found else 0,
            first=found[each]["first"] if each in found else None,
            last=found[each]["last"] if each in found else None,
            lost=lost.get(each, 0),
        )
        for each in sorted({*found, *lost})
    ]


def _figures() -> list["Column"]:
    from pyspark.sql import functions as f

    return [
        f.count("*").alias("rows"),
        f.count("fault").alias("faulty"),
        f.min("offset").alias("first"),
        f.max("offset").alias("last"),
        f.unix_micros(f.min("event_time")).alias("first_event"),
        f.unix_micros(f.max("event_time")).alias("last_event"),
    ]
