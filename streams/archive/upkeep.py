"""Few large files instead of many small ones, and an end to what is old."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from schemas.topics import topic_named
from streams.archive.layout import Layout, named
from streams.errors import FreshetError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KEPT_VERSIONS_H = 7 * 24
"""Files that no version younger than this needs are removed. A reader or writer that began earlier
would miss them, so it is never less (Delta's own bound)."""
LEAST_DAYS = 1


class Compacted(Struct, frozen=True):
    """What compaction did to one table."""

    topic: str
    removed: int
    added: int


class Expired(Struct, frozen=True):
    """What expiry did to one table."""

    topic: str
    rows: int
    why_kept: str | None = None


def compact(spark: "SparkSession", layout: Layout, topics: Sequence[str]) -> Iterator[Compacted]:
    """Merge small files within each day. Versions and their rows stay what they are."""
    for topic in topics:
        done = spark.sql(f"OPTIMIZE {named(layout.table(topic))}").select("metrics").head()
        metrics: Any = done["metrics"] if done else None
        yield Compacted(topic, metrics["numFilesRemoved"], metrics["numFilesAdded"])


def cutoff(days: float, now: datetime) -> date:
    """The first day that is kept. Raises FreshetError for less than a day."""
    if days < LEAST_DAYS:
        raise FreshetError(f"--older-than: {LEAST_DAYS}d at least, for days are dropped whole")
    return (now.astimezone(UTC) - timedelta(days=days)).date()


def expiry(topic: str) -> Literal["rows", "superseded", "nothing"]:
    """What of a topic may go: rows; rows that a newer one of their key replaces; or nothing.

    As the log itself keeps it: what it holds for ever, replay needs from its beginning.
    """
    known = topic_named(topic)
    if known.cleanup == "compact":
        return "superseded"
    return "nothing" if known.retention == "forever" else "rows"


def expire(
    spark: "SparkSession", layout: Layout, topics: Sequence[str], before: date
) -> Iterator[Expired]:
    """Drop the rows of days before `before`, and the files that no kept version needs."""
    for topic in topics:
        path = named(layout.table(topic))
        kind = expiry(topic)
        if kind == "nothing":
            yield Expired(topic, 0, "replay needs it from its beginning")
            continue
        statement = _superseded(path, before) if kind == "superseded" else _older(path, before)
        done = spark.sql(statement).head()
        spark.sql(f"VACUUM {path} RETAIN {KEPT_VERSIONS_H} HOURS")
        yield Expired(topic, done["num_affected_rows"] if done else 0)


def _older(path: str, before: date) -> str:
    return f"DELETE FROM {path} WHERE date < DATE'{before.isoformat()}'"  # noqa: S608


def _superseded(path: str, before: date) -> str:
    """Of each key the newest row before that day stays: it is what held when the day began."""
    return f"""
        MERGE INTO {path} AS old
        USING (
            SELECT partition, key, max(offset) AS newest FROM {path}
            WHERE date < DATE'{before.isoformat()}' GROUP BY partition, key
        ) AS kept
        ON old.partition = kept.partition AND old.key <=> kept.key
            AND old.offset < kept.newest AND old.date < DATE'{before.isoformat()}'
        WHEN MATCHED THEN DELETE
    """  # noqa: S608
