"""One topic's records into its table: each batch once.

A batch goes into the table by one Delta commit that carries the writer's id and the batch's number;
a batch that comes again, because the process died before Spark had noted it as done, is known by
them and left out. What was not committed is in no version of the table, whatever files lie there.
(Delta: idempotent writes in `foreachBatch`, `txnAppId` and `txnVersion`.)
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from streams.archive import gaps
from streams.archive.checkpoint import Checkpoint, Offsets
from streams.archive.columns import PARTITIONED_BY, READ, SCHEMA, checking
from streams.archive.kafka import LogBounds
from streams.archive.layout import Layout, is_table, named
from streams.archive.read import table
from streams.errors import FreshetError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

_PROPERTIES = {
    # By these columns files are left out when a table is read.
    "delta.dataSkippingStatsColumns": "event_time,partition,offset",
}


class NotThisLog(FreshetError):
    """The archive is of another log than the one that is read."""


class Source(NamedTuple):
    """Where records come from: our name for the topic, the broker's, and how to read there."""

    topic: str
    name: str
    options: Mapping[str, str]
    bounds: LogBounds
    batch_records: int


class Sink:
    """The table of one topic."""

    def __init__(
        self,
        spark: "SparkSession",
        layout: Layout,
        source: Source,
        lost: Callable[[str, int, int], None],
    ) -> None:
        """`lost(topic, now, in all)` is told of offsets that the log had lost."""
        self._spark = spark
        self._layout = layout
        self._source = source
        self._lost = lost
        self.checkpoint = Checkpoint(layout.checkpoint(source.topic), source.name)

    def start(self, starts: Offsets, trigger: Mapping[str, bool | str]) -> "StreamingQuery":
        """Begin to archive, where the last run ended. Raises NotThisLog."""
        source = self._source
        self._make_table()
        begin = starts if self.checkpoint.positions() is not None else self._after_the_rows(starts)
        stream = (
            self._spark.readStream.format("kafka")
            .options(**source.options)
            .option("subscribe", source.name)
            .option("startingOffsets", _json({source.name: begin}))
            .option("failOnDataLoss", "false")  # it is told and recorded instead
            .option("maxOffsetsPerTrigger", source.batch_records)
            .load()
        )
        return (
            stream.select(*READ)
            .mapInArrow(checking(source.topic), SCHEMA)
            .writeStream.foreachBatch(self._write)
            .option("checkpointLocation", str(self._layout.checkpoint(source.topic)))
            .queryName(source.topic)
            .trigger(**trigger)  # type: ignore[arg-type]
            .start()
        )

    def _write(self, batch: "DataFrame", number: int) -> None:
        writer = f"freshet-archive-{self.checkpoint.writer()}"
        options = {"txnAppId": writer, "txnVersion": str(number)}
        path = self._layout.table(self._source.topic)
        batch.write.format("delta").mode("append").options(**options).save(path)
        self._record_gaps(writer, number)

    def _record_gaps(self, writer: str, number: int) -> None:
        starts = self._source.bounds.starts(self._source.topic)
        if not (ranges := gaps.suspects(self.checkpoint.ranges(number), starts)):
            return
        topic = self._source.topic
        before = gaps.total(self._spark, self._layout, topic)
        gaps.record(self._spark, self._layout, topic, ranges, (writer, number))
        if new := gaps.total(self._spark, self._layout, topic) - before:
            self._lost(topic, new, before + new)

    def _after_the_rows(self, starts: Offsets) -> Offsets:
        """Where a checkpoint that is lost had come to; the log's beginning where there are none."""
        rows = table(self._spark, self._layout.table(self._source.topic))
        ends = rows.groupBy("partition").agg({"offset": "max"}).collect()
        after = {row["partition"]: row["max(offset)"] + 1 for row in ends}
        return {each: max(start, after.get(each, 0)) for each, start in starts.items()}

    def _make_table(self) -> None:
        path = self._layout.table(self._source.topic)
        if not self._layout.has(self._source.topic):
            if self.checkpoint.positions() is not None:
                raise NotThisLog(
                    f"{path} is gone, and its checkpoint says that it was written; to archive "
                    f"{self._source.topic} anew, remove "
                    f"{self._layout.checkpoint(self._source.topic)}"
                )
            properties = ", ".join(f"'{name}' = '{value}'" for name, value in _PROPERTIES.items())
            self._create(
                path, SCHEMA, f"PARTITIONED BY ({PARTITIONED_BY}) TBLPROPERTIES ({properties})"
            )
        if not is_table(self._layout.gaps):
            self._create(self._layout.gaps, gaps.SCHEMA)

    def _create(self, path: str, schema: str, more: str = "") -> None:
        self._spark.sql(f"CREATE TABLE IF NOT EXISTS {named(path)} ({schema}) USING delta {more}")


def check_log(topic: str, positions: Offsets | None, ends: Offsets) -> None:
    """Raises NotThisLog where the archive has read further than the log goes."""
    for partition, position in (positions or {}).items():
        if position > ends.get(partition, 0):
            raise NotThisLog(
                f"{topic}/{partition} is archived up to {position} and the log ends at "
                f"{ends.get(partition, 0)}: it is another log, or the topic was made anew. "
                "Archive into another folder by --out"
            )


def _json(offsets: Mapping[str, Mapping[int, int]]) -> str:
    return json.dumps(
        {name: {str(p): o for p, o in each.items()} for name, each in offsets.items()}
    )
