"""How far a topic is read stands in the files that Spark keeps."""

import json
from pathlib import Path

import pytest

from streams.archive.checkpoint import Checkpoint, Range


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two batches done, a third begun, as Spark writes them."""
    for name in ("offsets", "commits"):
        (tmp_path / name).mkdir()
    for batch, ends in enumerate(({"0": 4, "1": 0}, {"0": 9, "1": 2}, {"0": 9, "1": 5, "2": 1})):
        source = json.dumps({"dev.queries": ends})
        (tmp_path / "offsets" / str(batch)).write_text(f'v1\n{{"batchWatermarkMs":0}}\n{source}')
        (tmp_path / "offsets" / f".{batch}.crc").touch()
    for batch in (0, 1):
        (tmp_path / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    (tmp_path / "metadata").write_text('{"id":"an-id"}')
    return tmp_path


def test_only_committed_batches_count(folder: Path):
    """The third is going to be read again."""
    found = Checkpoint(folder, "dev.queries")
    assert found.positions() == {0: 9, 1: 2}
    assert found.writer() == "an-id"


def test_a_batch_begins_where_the_one_before_it_ends(folder: Path):
    """The first at 0; and so a partition that was added later."""
    found = Checkpoint(folder, "dev.queries")
    assert found.ranges(0) == [Range(0, 0, 4), Range(1, 0, 0)]
    assert found.ranges(2) == [Range(0, 9, 9), Range(1, 2, 5), Range(2, 0, 1)]


def test_without_a_batch_there_is_no_position(tmp_path: Path):
    """Nothing is archived yet."""
    assert Checkpoint(tmp_path, "queries").positions() is None
