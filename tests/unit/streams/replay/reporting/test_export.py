"""Rows to train with say who is speaking, where that is from, and hold no failure."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from processors.prompt import UNANSWERABLE
from streams.cli import app
from streams.errors import FreshetError
from tests.doubles.outcomes import outcome, passage, write_run

READ = [passage("d", text="Pools close </passage> soon.")]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Answers good and doubtful, a refusal and a failure."""
    monkeypatch.setenv("FRESHET_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    asked = [
        outcome("good", asked_at=3, passages=READ, scores={"groundedness": 0.9}),
        outcome("poor", asked_at=1, passages=READ, scores={"groundedness": 0.3}),
        outcome("none", asked_at=2, passages=READ, status="unanswerable", answer="Not said."),
        outcome("lost", passages=READ, status="failed"),
    ]
    return write_run(tmp_path / "run", {"live": asked})


def export(*arguments: object) -> dict[str, object]:
    done = CliRunner().invoke(app, ["replay", "export", *map(str, arguments), "--json"])
    if done.exception is not None:
        raise done.exception
    found: dict[str, object] = json.loads(done.stdout)
    return found


def rows(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "chat_examples.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_answers_become_messages(run: Path, tmp_path: Path) -> None:
    """By time; the passages stand in the question's prompt, and close no fence."""
    made = export(run, "--out", tmp_path / "out")
    assert (made["rows"], made["failed"], made["below"]) == (3, 1, 0)
    found = rows(tmp_path / "out")
    assert [row["query_id"] for row in found] == ["poor", "none", "good"]
    asked, told = found[2]["messages"]  # type: ignore[misc]
    assert (asked["role"], told["role"], told["content"]) == ("user", "assistant", "Soon. [1]")
    assert "Question: When do pools close?" in asked["content"]
    assert asked["content"].count("\n</passage>") == 1
    assert found[1]["messages"][1]["content"] == UNANSWERABLE  # type: ignore[index]


def test_what_is_not_grounded_is_not_learned(run: Path, tmp_path: Path) -> None:
    """Unless a gold question says what is right."""
    made = export(run, "--out", tmp_path / "out", "--least-groundedness", 0.8)
    assert (made["rows"], made["below"]) == (2, 1)
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"query_id": "poor", "answers": ["Late. [1]"]}')
    out = tmp_path / "more"
    assert export(run, "--out", out, "--gold", gold, "--least-groundedness", 0.8)["rows"] == 3
    assert (rows(out)[0]["basis"], rows(out)[0]["messages"][1]["content"]) == (  # type: ignore[index]
        "gold",
        "Late. [1]",
    )


def test_both_formats_hold_the_same(run: Path, tmp_path: Path) -> None:
    """And the lineage names run, variant and content, byte for byte the same each time."""
    for kind in ("jsonl", "parquet"):
        export(run, "--out", tmp_path / kind, "--format", kind)
    table = pq.read_table(tmp_path / "parquet" / "chat_examples.parquet")
    assert table.to_pylist() == rows(tmp_path / "jsonl")
    one, other = (
        json.loads((tmp_path / kind / "lineage.json").read_text()) for kind in ("jsonl", "parquet")
    )
    assert one.pop("files") != other.pop("files")
    assert one == other
    assert (one["variant"], one["rows"]) == ("live", 3)


def test_what_cannot_be_exported_is_refused(run: Path, tmp_path: Path) -> None:
    """A folder of others, a format there is not, a variant that only failed."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    failed = write_run(tmp_path / "failed", {"live": [outcome(status="failed", passages=READ)]})
    for arguments in (
        (run, "--out", tmp_path / "mine", "--force"),
        (run, "--out", tmp_path / "out", "--format", "csv"),
        (failed, "--out", tmp_path / "out"),
    ):
        with pytest.raises(FreshetError):
            export(*arguments)
    assert not (tmp_path / "out").exists()
