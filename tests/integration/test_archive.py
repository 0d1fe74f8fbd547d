"""Every record of the log is in the archive once, as it was, and can be read as of any moment.

One archive, made by four runs of the command: the log as it stood; a run that found no room; one on
a cluster, whose last batch was not noted as done, whose checkpoint was lost and whose log had been
cut; and what is there is then looked at by one session.
"""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession

from schemas.envelope import headers
from schemas.times import parse_time
from streams.archive import lock, read, upkeep
from streams.archive.layout import NoArchive
from streams.spark.session import session
from tests.doubles.archive import Archived, Sent, noise, per_topic, well

pytestmark = pytest.mark.timeout(600)

ASKED = "dev.freshet.query.asked.v1"
CHANGED = "dev.freshet.document.changed.v1"
MARCH, MAY = parse_time("2026-03-01T12:00:00Z"), parse_time("2026-05-01T00:00:00Z")
FEW = 40
CLUSTER = "local-cluster[1,2,1024]"
"""Executors are processes of their own, and fetch their jars and our code as on many machines."""


def question(number: int, time: int) -> Sent:
    """A question of that time."""
    value = json.dumps({"query_id": f"q{number}", "text": "Why?", "tenant": f"t{number % 7}"})
    return "queries", f"t{number % 7}", value.encode(), headers(ASKED, source="/test", time=time)


def document(doc_id: str, time: int) -> Sent:
    """A version of a document of that time."""
    value = json.dumps({"doc_id": doc_id, "text": "Text.", "content_type": "text/plain"})
    return "documents", doc_id, value.encode(), headers(CHANGED, source="/test", time=time)


def first() -> list[Sent]:
    """Good, plain, deleted, corrupt and foreign records."""
    return [
        *(question(number, MARCH + number) for number in range(FEW)),
        *(question(number, MAY + number) for number in range(FEW, 2 * FEW)),
        ("queries", "plain", b'{"query_id": "p", "text": "Why?", "tenant": "t"}', ()),
        ("queries", None, b"\xff\x00 not json", [("ce_id", b"\xfe")]),
        ("queries", "x", b"{}", headers("org.else.v1", source="/else", time=MARCH)),
        ("queries", "nothing", None, ()),
        *(document(doc_id, MARCH) for doc_id in ("a", "a", "b")),
        ("documents", "b", None, ()),
        ("index.changes.wide", "a", b"{}", ()),
        *(("feedback", "one", b"{}", [("x", noise(9))]) for _ in range(10)),
    ]


@pytest.fixture(scope="module")
async def archived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Archived]:
    """The archive after all of its runs."""
    made = Archived(tmp_path_factory.mktemp("archive"))
    made.stack.start()
    try:
        await made.make_topics("wide")
        await _history(made)
        yield made
    finally:
        made.stack.stop()


async def _history(made: Archived) -> None:
    sent = await made.send(first())
    done = json.loads(well(made.run("--json")))
    assert done["archived"] == per_topic(sent)

    await made.send([("documents", "big", noise(1 << 20), ()) for _ in range(16)], 0)
    full = made.run("--topics", "documents", limits="ulimit -f 24576")
    assert full.returncode == 1
    assert "the disk is full" in full.stderr
    assert json.loads(well(made.run("show", "--topics", "documents", "--json")))["rows"] == 4

    for path in (made.layout.checkpoint("index.changes.wide") / "commits").iterdir():
        path.unlink()
    shutil.rmtree(made.layout.checkpoint("queries"))
    where = next(position.partition for position in sent if position.topic == "feedback")
    await made.send(
        [
            *(("feedback", "one", b"{}", ()) for _ in range(10)),
            *(question(number, MAY) for number in range(100, 110)),
            ("index.changes.wide", "a", b"{}", ()),
        ]
    )
    await made.cut("feedback", {where: 15})
    again = made.run(master=CLUSTER)
    well(again)
    assert "feedback: 5 offsets were gone from the log" in again.stderr


@pytest.fixture(scope="module")
def spark(archived: Archived) -> Iterator[SparkSession]:
    """A session that only looks."""
    with session(archived.stack.settings, "test", master="local[2]") as made:
        yield made


async def test_the_archive_gives_back_the_log_record_for_record(
    archived: Archived, spark: SparkSession
):
    """Key, value, headers, time and place; null stays null, and each is there once."""
    for topic in ("queries", "documents", "index.changes.wide"):
        found = list(read.iterate(read.records(spark, archived.layout.folder, topic)))
        logged = [each._replace(headers=list(each.headers)) for each in await archived.log(topic)]
        assert found == logged


async def test_what_the_log_has_lost_since_is_still_there(archived: Archived, spark: SparkSession):
    """Ten offsets from before the cut; those that were cut unread are told as lost."""
    rows = read.records(spark, archived.layout.folder, "feedback")
    assert [row.offset for row in read.in_order(rows)] == [*range(10), *range(15, 20)]
    [shown] = [
        json.loads(line)
        for line in well(archived.run("show", "--topics", "feedback", "--json")).splitlines()
    ]
    assert sum(each["lost"] for each in shown["partitions"]) == 5


def test_rows_say_what_is_wrong_with_them(archived: Archived, spark: SparkSession):
    """As the dead letter of the record does."""
    rows = read.records(spark, archived.layout.folder, "queries")
    faults = {row.fault.partition(":")[0] for row in rows.where("fault IS NOT NULL").collect()}
    assert rows.where("fault IS NOT NULL").count() == 3
    assert faults == {"invalid", "wrong_type"}


def test_event_time_bounds_what_is_read(archived: Archived, spark: SparkSession):
    """From March on and before May; by the time of the event, not of its arrival."""
    folder = archived.layout.folder
    found = read.records(spark, folder, "queries", since=MARCH + 1, until=MAY)
    assert found.where("fault IS NULL").count() == FEW - 1
    assert read.records(spark, folder, "queries", since=MAY, until=MAY + 1).count() == 10
    days = {row.date.isoformat() for row in found.select("date").distinct().collect()}
    assert days == {"2026-03-01"}


def test_an_earlier_version_is_read_as_it_was(archived: Archived, spark: SparkSession):
    """Version 0 is the empty table, 1 the first batch."""
    folder = archived.layout.folder
    counts = [read.records(spark, folder, "queries", version=each).count() for each in (0, 1)]
    assert counts == [0, 2 * FEW + 4]
    with pytest.raises(NoArchive, match="version 99"):
        read.records(spark, folder, "queries", version=99)


def test_the_check_finds_no_fault_and_tells_one_that_is_made(
    archived: Archived, spark: SparkSession
):
    """A row that is taken away is missing, a row put twice is doubled."""
    assert ": 0 faults" in well(archived.run("verify"))
    path = archived.layout.table("queries")
    rows = spark.read.format("delta").load(path)
    rows.where("partition = 0 AND offset = 0").write.format("delta").mode("append").save(path)
    spark.sql(f"DELETE FROM delta.`{path}` WHERE value IS NULL")
    try:
        done = archived.run("verify", "--topics", "queries", "--json")
        counts = json.loads(done.stdout)
        assert done.returncode == 1
        assert (counts["missing"], counts["doubled"], counts["different"]) == (1, 1, 0)
    finally:
        spark.sql(f"RESTORE TABLE delta.`{path}` TO VERSION AS OF 2")


def test_a_second_archive_is_told_of_the_first(archived: Archived, spark: SparkSession):
    """Before it starts Spark; when the first is gone, it may."""
    with lock.held(spark, archived.layout.lock):
        done = archived.run()
        assert done.returncode == 1
        assert "let it end, or archive into another folder" in done.stderr
    lock.check(archived.layout.lock)


def test_compaction_changes_files_and_no_rows(archived: Archived, spark: SparkSession):
    """An earlier version can still be read."""
    folder = archived.layout.folder
    before = sorted(read.records(spark, folder, "queries").collect())
    [done] = upkeep.compact(spark, archived.layout, ["queries"])
    assert done.removed > done.added
    assert sorted(read.records(spark, folder, "queries").collect()) == before
    assert read.records(spark, folder, "queries", version=1).count() == 2 * FEW + 4


def test_expiry_drops_days_and_keeps_what_replay_needs(archived: Archived, spark: SparkSession):
    """Questions go; the newest of a document stays, and every change of the index."""
    before = upkeep.cutoff(1, datetime(2026, 5, 2, tzinfo=UTC))
    topics = ["queries", "documents", "index.changes.wide"]
    done = {each.topic: each for each in upkeep.expire(spark, archived.layout, topics, before)}
    assert done["queries"].rows == FEW + 1
    assert done["documents"].rows == 1
    assert done["index.changes.wide"].why_kept
