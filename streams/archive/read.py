"""Reading the archive: as it stands or stood, of a stretch of event time, in the log's order."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.archive.layout import Layout, NoArchive

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from streams.clients.kafka import Record

_RECORD = ("topic", "partition", "offset", "key", "value", "headers", "timestamp")
_SLICE_ROWS = 20_000
"""About so many rows come to the driver at a time."""


def table(spark: "SparkSession", path: str, version: int | None = None) -> "DataFrame":
    """A Delta table, as it stands or at an earlier version of its own. Raises NoArchive."""
    from pyspark.errors import AnalysisException

    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    try:
        return reader.load(path)
    except AnalysisException as error:
        said = str(error).splitlines()[0]
        raise NoArchive(f"{path} cannot be read at version {version}: {said}") from error


def records(
    spark: "SparkSession",
    folder: Path,
    topic: str,
    *,
    since: int | None = None,
    until: int | None = None,
    version: int | None = None,
) -> "DataFrame":
    """The archived records of a topic, in no order; columns as `streams.archive.columns.SCHEMA`.

    `since` and `until` bound the event time, in microseconds since the epoch: [since, until).
    `version` is one of the table's, as `freshet archive show` tells it.

    Raises:
        NoArchive: the topic is not in the archive, or not at that version.
    """
    layout = Layout(folder)
    layout.chosen([topic])
    found = table(spark, layout.table(topic), version)
    for bound, is_lower in ((since, True), (until, False)):
        if bound is not None:
            found = found.where(_bound(bound, is_lower))
    return found


def _bound(time: int, is_lower: bool) -> Any:
    """Of the event time; and of the day, by which whole files are left out."""
    from pyspark.sql import functions as f

    moment = f.timestamp_micros(f.lit(time))
    if is_lower:
        return (f.col("event_time") >= moment) & (f.col("date") >= f.to_date(moment))
    return (f.col("event_time") < moment) & (f.col("date") <= f.to_date(moment))


def iterate(frame: "DataFrame") -> "Iterator[Record]":
    """Records in order of (partition, offset), as the log would give them, partition by partition.

    Spark sorts them; the driver holds one slice at a time, however many there are.
    """
    from streams.clients.kafka import Record

    for row in in_order(frame.select(*_RECORD, *_milliseconds())):
        headers = [(header.key, _bytes(header.value)) for header in row.headers or ()]
        key, value = _bytes(row.key), _bytes(row.value)
        yield Record(row.topic, row.partition, row.offset, key, value, headers, row.ms)


def in_order(frame: "DataFrame") -> Iterator[Any]:
    """The rows of a frame in order of its `partition` and `offset`, a slice at a time."""
    slices = max(1, frame.count() // _SLICE_ROWS)
    ordered = frame.repartitionByRange(slices, "partition", "offset").sortWithinPartitions(
        "partition", "offset"
    )
    return ordered.toLocalIterator(prefetchPartitions=True)


def _milliseconds() -> tuple[Any]:
    from pyspark.sql import functions as f

    return (f.unix_millis("timestamp").alias("ms"),)


def _bytes(value: Any) -> Any:
    """Spark gives binary values as bytearrays."""
    return None if value is None else bytes(value)
