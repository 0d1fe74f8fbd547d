"""The document commands at work on a log in memory."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.codec import decode_as, encode
from schemas.documents import Document
from schemas.index import IndexProgress
from streams.clients.kafka import Record, partition_of
from streams.config import Settings
from streams.ingest import Ingest, deletions, folder_at
from streams.reporting import Reporter
from streams.sources.event import Common, DocumentEvent, Skipped
from streams.sources.git import Repository, environment
from tests.doubles.log import MemoryLog

NOTHING = Common()


def at_work(log: MemoryLog, *, as_json: bool = False, wait_s: float | None = None) -> Ingest:
    """A command on this log."""
    return Ingest(log, Settings(), "sync", Reporter(as_json=as_json), wait_s)


def put(log: MemoryLog, doc_id: str) -> None:
    """A document that is in the log already."""
    document = Document(doc_id=doc_id, text="before", content_type="text/plain")
    log.append("documents", doc_id, encode(document))


def newest(log: MemoryLog) -> dict[str, bool]:
    """Each document that the log holds, and whether it lives."""
    return {(r.key or b"").decode(): r.value is not None for r in log.all("documents")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One document."""
    root = tmp_path / "docs"
    root.mkdir()
    (root / "a.md").write_text("# A\n")
    return root


def index_follows(log: MemoryLog, time: int = 1000) -> Callable[[Record], None]:
    """Play the indexer and the writer: each event is applied at once, everywhere."""

    def apply(record: Record) -> None:
        if record.topic != "documents":
            return
        for partition in range(log.partitions):
            ours = partition == record.partition
            progress = IndexProgress(
                partition=partition,
                index_version="v1",
                index_time=time + record.offset,
                applied=record.offset if ours else -1,
                changes_offset=0,
            )
            log.append("index.progress", str(partition), encode(progress), partition=partition)

    return apply


async def test_a_sync_deletes_what_the_log_has_and_the_folder_has_not(folder: Path) -> None:
    """Below its prefix alone; what is deleted already is left at that."""
    log = MemoryLog()
    for doc_id in ("docs/a.md", "docs/gone.md", "other/gone.md", "docsy/gone.md"):
        put(log, doc_id)
    put(log, "docs/long-gone.md")
    log.append("documents", "docs/long-gone.md", None)
    before = len(log.all("documents"))

    await at_work(log).sync(folder_at(folder, []), "docs", NOTHING, watch=False, delete=True)

    assert newest(log) == {
        "docs/a.md": True,
        "docs/gone.md": False,
        "other/gone.md": True,
        "docsy/gone.md": True,
        "docs/long-gone.md": False,
    }
    assert len(log.all("documents")) == before + 2


async def test_a_sync_deletes_nothing_unless_asked(folder: Path) -> None:
    """A file that is missing may only be missing here."""
    log = MemoryLog()
    put(log, "docs/gone.md")

    await at_work(log).sync(folder_at(folder, []), "docs", NOTHING, watch=False, delete=False)

    assert newest(log) == {"docs/a.md": True, "docs/gone.md": True}


async def test_a_narrow_pattern_deletes_no_file_it_did_not_look_for(folder: Path) -> None:
    """The file is there, so its document stays."""
    log = MemoryLog()
    (folder / "b.rst").write_text("B")
    put(log, "docs/b.rst")

    await at_work(log).sync(folder_at(folder, ["*.md"]), "docs", NOTHING, watch=False, delete=True)

    assert newest(log)["docs/b.rst"]


async def test_a_watched_folder_is_followed(folder: Path) -> None:
    """A write, then a deletion; only what changed is sent again."""
    log = MemoryLog()
    (folder / "still.md").write_text("still")
    work = at_work(log).sync(folder_at(folder, []), "docs", NOTHING, watch=True, delete=True)
    watching = asyncio.create_task(work)

    async with asyncio.timeout(60):
        await until(lambda: len(log.all("documents")) == 2)
        (folder / "a.md").write_text("# A, again\n")
        await until(lambda: len(log.all("documents")) == 3)
        (folder / "a.md").unlink()
        await until(lambda: newest(log) == {"docs/a.md": False, "docs/still.md": True})
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    assert len(log.all("documents")) == 4


async def until(holds: Callable[[], bool]) -> None:
    """Let the others run until it holds."""
    while not holds():  # noqa: ASYNC110  (what is waited for gives no sign)
        await asyncio.sleep(0.01)


async def test_receipts_come_in_the_order_of_the_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One a line and nothing else on stdout, so a script can take them."""
    log = MemoryLog()
    document = Document(doc_id="b", text="", content_type="text/plain")

    await at_work(log).each(
        [DocumentEvent("b", document), Skipped("x.png", "binary"), *deletions(["a"])], 3
    )

    out, err = capsys.readouterr()
    (partition,) = {partition_of(key, log.partitions) for key in (b"b", b"a")}
    assert out.splitlines() == [f"documents/{partition}@0", f"documents/{partition}@1"]
    assert "skipped x.png: binary" in err


async def test_a_deletion_is_acknowledged_with_offset_and_index_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From which on no read can see the document."""
    log = MemoryLog()
    log.before_append = index_follows(log)

    await at_work(log, as_json=True, wait_s=60).each(deletions(["a"]), 1)

    out, err = capsys.readouterr()
    receipt = f"documents/{partition_of(b'a', log.partitions)}@0"
    assert json.loads(out) == {
        "doc_id": "a",
        "receipt": receipt,
        "deleted": True,
        "index_time": 1000,
    }
    assert f"a: deleted at {receipt}; no read at or after index time 1000" in err


async def test_a_write_that_does_not_show_in_time_still_has_its_receipt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is in the log, and a question may wait for it."""
    log = MemoryLog()
    reporter = Reporter(as_json=False)

    await Ingest(log, Settings(), "delete", reporter, wait_s=0).each(deletions(["a"]), 1)

    out, err = capsys.readouterr()
    assert out == f"documents/{partition_of(b'a', log.partitions)}@0\n"
    assert "1 of 1 writes do not show after 0 s" in err
    assert reporter.has_failed


async def test_a_followed_branch_brings_each_new_commit(tmp_path: Path) -> None:
    """And nothing twice."""
    log = MemoryLog()

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ("git", *who, *arguments)
        subprocess.run(command, cwd=tmp_path, check=True, env=environment(), capture_output=True)

    def commit(text: str) -> None:
        (tmp_path / "a.md").write_text(text)
        git("add", "a.md")
        git("commit", "-m", text)

    git("init", "-b", "main")
    commit("one")
    repository = Repository(tmp_path)
    work = at_work(log).git(repository, "p", NOTHING, branch="main", since=None, follow=True)
    following = asyncio.create_task(work)

    async with asyncio.timeout(60):
        await until(lambda: len(log.all("documents")) == 1)
        commit("two")
        await until(lambda: len(log.all("documents")) == 2)
        git("pack-refs", "--all")
        commit("three")
        await until(lambda: len(log.all("documents")) == 3)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    texts = [decode_as(Document, r.value or b"").text for r in log.all("documents")]
    assert texts == ["one", "two", "three"]


async def test_a_summary_counts_and_names_the_last_receipts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For programs as JSON, skipped files included."""
    log = MemoryLog()
    log.before_append = index_follows(log)
    (folder / "bad.md").write_bytes(b"\xff")

    await at_work(log, as_json=True, wait_s=60).sync(
        folder_at(folder, []), "docs", NOTHING, watch=False, delete=False
    )

    partition = partition_of(b"docs/a.md", log.partitions)
    assert json.loads(capsys.readouterr().out) == {
        "written": 1,
        "deleted": 0,
        "skipped": [
            {"name": str(folder / "bad.md"), "why": "not UTF-8: byte 0 cannot be read"},
        ],
        "receipts": [f"documents/{partition}@0"],
        "index_time": 1000,
    }


async def test_a_name_that_cannot_be_printed_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A file name may be any bytes; complaining of it must not fail."""
    reporter = Reporter(as_json=False)

    reporter.say("skipped \udcff.md")

    assert capsys.readouterr().err == "skipped \\udcff.md\n"
