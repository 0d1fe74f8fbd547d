"""The archive as a source of the past: what retention has taken from the log is there still."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.topics import TOPICS
from streams.archive.layout import Layout
from streams.archive.read import iterate, records
from streams.clients.kafka import MissingTopic, Record
from streams.replay.source import Span

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class ArchiveSource:
    """Reads Delta tables by Spark, which sorts; a slice of a topic is in memory at a time.

    Nothing else of the event loop goes on while it reads.
    """

    name = "archive"

    def __init__(self, spark: "SparkSession", folder: Path) -> None:
        """Raises NoArchive where there is none."""
        self._layout = Layout(folder)
        self._layout.topics()
        self._spark = spark

    async def spans(self, topic: str) -> dict[int, Span]:
        """What there is of a topic, by partition. Raises MissingTopic."""
        from pyspark.sql import functions as f

        frame = self._records(topic)
        if frame is None:
            return {}
        bounds = f.min("offset").alias("first"), f.max("offset").alias("last")
        rows = frame.groupBy("partition").agg(*bounds).collect()
        return {row.partition: Span(row.first, row.last + 1) for row in rows}

    async def read(
        self,
        topic: str,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        partitions: Iterable[int] | None = None,
        start: Mapping[int, int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Records of a topic, partition by partition, those of each by offset.

        Raises MissingTopic.
        """
        from pyspark.sql import functions as f

        frame, logged = self._records(topic), f.unix_millis("timestamp")
        if frame is None:
            return
        if since_ms is not None:
            frame = frame.where(logged >= since_ms)
        if until_ms is not None:
            frame = frame.where(logged < until_ms)
        if partitions is not None:
            frame = frame.where(f.col("partition").isin(list(partitions)))
        for partition, first in (start or {}).items():
            frame = frame.where((f.col("partition") != partition) | (f.col("offset") >= first))
        for record in iterate(frame):
            yield record

    def _records(self, topic: str) -> "DataFrame | None":
        """None of a topic that is always there, and had nothing to archive."""
        if self._layout.has(topic):
            return records(self._spark, self._layout.folder, topic)
        if topic in TOPICS:
            return None
        raise MissingTopic(f"the archive has no {topic}")
