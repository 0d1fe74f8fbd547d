"""A record of the log as a row of the archive: what Spark reads from Kafka, checked in batches."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise, starmap
from typing import Any

import pyarrow as pa

from schemas.envelope import Header
from streams.archive.check import Checked, check

PARTITIONED_BY = "date"
SCHEMA = """
    date DATE, event_time TIMESTAMP, topic STRING, partition INT, offset BIGINT,
    timestamp TIMESTAMP, key BINARY, value BINARY,
    headers ARRAY<STRUCT<key: STRING, value: BINARY>>,
    ce_id STRING, ce_source STRING, ce_type STRING, ce_time TIMESTAMP, fault STRING
"""
"""`timestamp` is the broker's, `fault` what is wrong with the record and null where nothing is."""
READ = ("key", "value", "partition", "offset", "timestamp", "headers")
"""What is needed of the columns that Spark's Kafka source has."""

_TIME = pa.timestamp("us", tz="UTC")


def checking(topic: str) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """For `mapInArrow`: from batches of `READ` to batches of `SCHEMA`."""

    def check_all(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return (_checked(topic, batch) for batch in batches)

    return check_all


def _checked(topic: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    values = batch.column("value").to_pylist()
    headers = header_lists(batch.column("headers"))
    times = batch.column("timestamp").cast(pa.int64()).to_pylist()
    found = list(starmap(check, zip([topic] * len(values), values, headers, times, strict=True)))
    return pa.RecordBatch.from_pydict(_columns(topic, batch, found))


def header_lists(column: Any) -> Iterator[list[Header]]:
    """The headers of each record; all entries at once, which is quicker than list by list."""
    entries = column.values
    names, values = (entries.field(name).to_pylist() for name in ("key", "value"))
    for begin, end in pairwise(column.offsets.to_pylist()):
        yield list(zip(names[begin:end], values[begin:end], strict=True))


def _columns(topic: str, batch: pa.RecordBatch, found: list[Checked]) -> dict[str, Any]:
    times = _times(each.event_time for each in found)
    return {
        "date": times.cast(pa.date32()),
        "event_time": times,
        "topic": pa.array([topic] * len(found), pa.string()),
        "partition": batch.column("partition"),
        "offset": batch.column("offset"),
        "timestamp": batch.column("timestamp"),
        "key": batch.column("key"),
        "value": batch.column("value"),
        "headers": batch.column("headers"),
        "ce_id": _texts(each.id for each in found),
        "ce_source": _texts(each.source for each in found),
        "ce_type": _texts(each.type for each in found),
        "ce_time": _times(each.time for each in found),
        "fault": _texts(each.fault for each in found),
    }


def _times(values: Iterable[int | None]) -> pa.Array:
    return pa.array(values, pa.int64()).cast(_TIME)


def _texts(values: Iterable[str | None]) -> pa.Array:
    return pa.array(values, pa.string())
