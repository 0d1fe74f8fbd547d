"""Labelled answers in a folder: the rows, their lineage, and nothing by halves."""

import json
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from streams import dataset
from streams.dataset import Dataset, Format, check_target, write
from streams.errors import FreshetError
from tests.doubles.opinions import GIVEN, answered, empty_log, spoken, unwatched


async def made() -> Dataset:
    """Two labelled answers of three."""
    log = empty_log()
    for number, rating in enumerate((1, -1)):
        spoken(log, answered(log, number, 0.9), rating)
    answered(log, 2, 0.9)
    spoken(log, "q-0", -1, reviewer="ana", labels=["incorrect"], correction="So and so.")
    return await dataset.read(log, since=None, until=None, now=GIVEN, watch=unwatched)


async def test_rows_hold_the_question_the_answer_and_the_label() -> None:
    """A row an answer that somebody spoke of."""
    found = await made()
    assert [(row.query_id, row.grounded, row.correction) for row in found.rows] == [
        ("q-0", False, "So and so."),
        ("q-1", False, None),
    ]
    assert found.rows[0].question == "Question 0?"
    assert found.rows[0].answer == "Answer of q-0."
    assert found.lineage.outcomes == {"joined": 3}


async def test_the_lineage_covers_what_was_read() -> None:
    """By topic and partition, the end left out."""
    spans = (await made()).lineage.topics
    assert set(spans) == {"queries", "responses", "evaluations", "feedback"}
    assert sum(end - first for first, end in spans["feedback"].values()) == 3
    assert sum(end - first for first, end in spans["queries"].values()) == 3


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("jsonl", ["labelled_answers.jsonl"]),
        ("parquet", ["labelled_answers.parquet"]),
        ("both", ["labelled_answers.jsonl", "labelled_answers.parquet"]),
    ],
)
async def test_files_are_those_of_the_lineage(
    kind: Format, names: list[str], tmp_path: Path
) -> None:
    """By name and sum; and nothing else is left in the folder or beside it."""
    out = tmp_path / "below" / "out"
    write(await made(), out, kind)
    lineage = json.loads((out / "lineage.json").read_text())
    assert sorted(lineage["files"]) == names
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "lineage.json"])
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    for name, total in lineage["files"].items():
        assert sha256((out / name).read_bytes()).hexdigest() == total


async def test_parquet_and_jsonl_hold_the_same(tmp_path: Path) -> None:
    """And an empty dataset has the columns of a full one."""
    found = await made()
    write(found, tmp_path / "full", "both")
    write(Dataset([], found.lineage), tmp_path / "empty", "parquet")
    lines = (tmp_path / "full/labelled_answers.jsonl").read_text().splitlines()
    full = pq.read_table(tmp_path / "full/labelled_answers.parquet")
    rows = full.to_pylist()
    for row, line in zip(rows, map(json.loads, lines), strict=True):
        assert row["query_id"] == line["query_id"]
        assert row["said"] == line["said"]
        assert row["sources"] == line["sources"]
        assert row["scores"][0]["score"] == line["scores"][0]["score"] == 0.9
    empty = pq.read_table(tmp_path / "empty/labelled_answers.parquet")
    assert empty.schema.equals(full.schema)


async def test_what_is_there_is_replaced_only_if_that_is_wanted_and_it_is_a_dataset(
    tmp_path: Path,
) -> None:
    """A folder with other things in it is never."""
    out, other = tmp_path / "out", tmp_path / "other"
    check_target(out, force=False)
    write(await made(), out, "jsonl")
    with pytest.raises(FreshetError, match="--force replaces it"):
        check_target(out, force=False)
    check_target(out, force=True)
    write(await made(), out, "parquet")
    assert not (out / "labelled_answers.jsonl").exists()
    other.mkdir()
    check_target(other, force=False)
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(FreshetError, match="is no dataset"):
        check_target(other, force=True)


async def test_a_writing_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, and nothing beside it."""
    out = tmp_path / "out"
    write(await made(), out, "jsonl")
    before = (out / "lineage.json").read_bytes()

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="no space"):
        write(await made(), out, "jsonl")
    assert (out / "lineage.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
