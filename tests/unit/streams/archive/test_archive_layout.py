"""Which topics are archived, and where."""

from pathlib import Path

import pytest

from streams.archive.layout import Layout, NoArchive, archivable, named
from streams.errors import FreshetError

THERE = {"dev.queries", "dev.index.changes.wide", "dev.else", "prod.queries", "__consumer_offsets"}


def test_every_topic_of_ours_is_archived_and_no_other():
    """Those of index versions too; of this environment alone."""
    assert archivable(THERE, "dev.", []) == ["index.changes.wide", "queries"]


def test_topics_can_be_named():
    """Each once."""
    assert archivable(THERE, "dev.", ["queries", "queries"]) == ["queries"]


@pytest.mark.parametrize("topic", ["else", "documents"])
def test_a_topic_that_is_not_there_or_not_ours_is_refused(topic: str):
    """With those that there are."""
    with pytest.raises(FreshetError, match=r"there are index\.changes\.wide, queries"):
        archivable(THERE, "dev.", [topic])


def test_a_missing_archive_is_told(tmp_path: Path):
    """With the command that makes one."""
    with pytest.raises(NoArchive, match="freshet archive"):
        Layout(tmp_path).topics()


def test_a_table_counts_from_its_first_commit(tmp_path: Path):
    """Files alone are no table."""
    layout = Layout(tmp_path)
    log = Path(layout.table("queries")) / "_delta_log"
    log.mkdir(parents=True)
    assert not layout.has("queries")
    (log / "00000000000000000000.json").touch()
    assert layout.chosen([]) == ["queries"]
    with pytest.raises(NoArchive, match="has no feedback; it has queries"):
        layout.chosen(["feedback"])


def test_a_path_cannot_leave_its_quotes():
    """A folder may be called anything."""
    assert named("/a`b") == "delta.`/a``b`"
