"""A batch of the log's records becomes a batch of rows, value for value."""

from datetime import UTC, date, datetime

import pyarrow as pa

from schemas.envelope import headers
from streams.archive.columns import READ, checking

NOW = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
US = int(NOW.timestamp()) * 1_000_000 + 123456
HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))


def batch(records: list[dict]) -> pa.RecordBatch:
    """As Spark hands them over."""
    types = (pa.binary(), pa.binary(), pa.int32(), pa.int64(), pa.timestamp("us", "UTC"), HEADERS)
    schema = pa.schema(list(zip(READ, types, strict=True)))
    return pa.RecordBatch.from_pylist(records, schema)


def record(offset: int, **given: object) -> dict:
    """One record."""
    return {
        "key": b"k",
        "value": b"{}",
        "partition": 3,
        "offset": offset,
        "timestamp": NOW,
        "headers": None,
        **given,
    }


def test_rows_keep_what_they_were_and_say_what_is_wrong():
    """Headers of one are not another's, and null stays null."""
    sent = headers("dev.freshet.document.changed.v1", source="/s", time=US - 86_400_000_000, id="i")
    as_sent = [{"key": name, "value": value} for name, value in sent]
    records = [
        record(7, value=None),
        record(8, headers=as_sent),
        record(9, key=None, headers=[{"key": "x", "value": None}]),
    ]
    [made] = checking("documents")([batch(records)])
    rows = made.to_pylist()
    assert [(row["partition"], row["offset"]) for row in rows] == [(3, 7), (3, 8), (3, 9)]
    assert [(row["key"], row["value"], row["headers"]) for row in rows] == [
        (each["key"], each["value"], each["headers"]) for each in records
    ]
    assert [row["date"] for row in rows] == [date(2026, 5, 6), date(2026, 5, 5), date(2026, 5, 6)]
    assert [row["ce_id"] for row in rows] == [None, "i", None]
    assert rows[0]["fault"] is None
    assert rows[1]["fault"].startswith("invalid")
    assert {row["topic"] for row in rows} == {"documents"}


def test_a_slice_of_a_batch_has_its_own_headers():
    """Arrow's offsets are those of the whole."""
    records = [record(n, headers=[{"key": "ce_id", "value": str(n).encode()}]) for n in range(4)]
    [made] = checking("documents")([batch(records).slice(2, 2)])
    assert [row["headers"][0]["value"] for row in made.to_pylist()] == [b"2", b"3"]


def test_an_empty_batch_is_one():
    """A range of offsets without records."""
    [made] = checking("documents")([batch([])])
    assert made.num_rows == 0
