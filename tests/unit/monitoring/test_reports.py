"""Evidently reports: made of two windows, and readable in a workspace of its own."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from evidently.core.serialization import SnapshotModel
from evidently.ui.workspace import Workspace

from monitoring.reports import (
    ReportRow,
    TooFewRowsError,
    UnevenRowsError,
    kept_metadata,
    make_report,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def rows(count: int, middle: float = 0.0, dimension: int = 6) -> list[ReportRow]:
    """Questions with a latency, a constant, a figure that nobody has, and a vector."""
    chance = np.random.default_rng(count)
    return [
        ReportRow(
            figures={
                "latency_ms": float("inf") if n == 0 else float(chance.normal(middle)),
                "constant": 1.0,
                "never": None,
            },
            texts={"question": "What is it? " * int(chance.integers(1, 6))},
            vector=chance.normal(middle, 1.0, dimension).tolist(),
        )
        for n in range(count)
    ]


def values(snapshot: SnapshotModel) -> dict[str, float]:
    """Each single figure of a report by its name."""
    found = {result.display_name: result for result in snapshot.metric_results.values()}
    return {name: one.value for name, one in found.items() if hasattr(one, "value")}


def test_a_report_shows_what_moved_in_the_workspace(tmp_path: Path) -> None:
    """Figures, descriptions of texts and embeddings; windows of one project stand together."""
    first = make_report(tmp_path, "acme/default", rows(80), rows(60, middle=2.0), NOW)
    second = make_report(tmp_path, "acme/default", rows(80), rows(70), NOW)
    workspace = Workspace(str(tmp_path))
    (project,) = workspace.search_project("acme/default")
    assert {str(run) for run in workspace.list_runs(project.id)} == {first.id, second.id}
    assert first.project_id == str(project.id)
    moved = values(workspace.get_run(project.id, first.id))
    same = values(workspace.get_run(project.id, second.id))
    drift = "Drift in embeddings: embedding"
    assert moved[drift] > 0.9 > 0.7 > same[drift]
    assert any("latency_ms" in name for name in moved)
    assert any("question: words" in name for name in moved)
    assert not any("never" in name for name in moved)


def test_what_drifted_is_told_and_no_part_of_an_embedding_is_a_figure(tmp_path: Path) -> None:
    """Figures, measures of the question and the embedding as a whole are compared: six here."""
    moved = make_report(tmp_path, "p", rows(80), rows(60, middle=2.0), NOW)
    same = make_report(tmp_path, "p", rows(80), rows(80), NOW)
    assert [text.partition(":")[0] for text in moved.drifted] == [
        "latency_ms",
        "Drift in embeddings",
    ]
    assert (moved.compared, same.compared, same.drifted) == (6, 6, [])


def test_the_smallest_windows_are_compared_without_their_embeddings(tmp_path: Path) -> None:
    """Evidently could not draw so few."""
    assert make_report(tmp_path, "p", rows(10), rows(20), NOW).compared == 5
    assert make_report(tmp_path, "p", rows(10), rows(21), NOW).compared == 6


def test_what_a_report_was_made_with_is_kept_but_for_a_torn_one(tmp_path: Path) -> None:
    """So that the same need not be made again."""
    assert kept_metadata(tmp_path, "p") == []
    made = make_report(tmp_path, "p", rows(30), rows(30), NOW, {"window": "1/2"})
    make_report(tmp_path, "other", rows(30), rows(30), NOW, {"window": "3/4"})
    (file,) = tmp_path.glob(f"{made.project_id}/snapshots/{made.id}.json")
    assert [one["window"] for one in kept_metadata(tmp_path, "p")] == ["1/2"]
    file.with_name("0190f3f4-0000-7000-8000-000000000000.json").write_text(file.read_text()[:99])
    assert [one["window"] for one in kept_metadata(tmp_path, "p")] == ["1/2"]


def test_only_the_newest_reports_of_a_project_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another project's stay."""
    monkeypatch.setattr("monitoring.reports.KEPT", 2)
    make_report(tmp_path, "other", rows(30), rows(30), NOW, {"number": "0"})
    for number in "123":
        make_report(tmp_path, "p", rows(30), rows(30), NOW, {"number": number})
    assert sorted(str(one["number"]) for one in kept_metadata(tmp_path, "p")) == ["2", "3"]
    assert len(kept_metadata(tmp_path, "other")) == 1


def test_windows_that_are_too_small_are_refused(tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(TooFewRowsError, match="current window has 0"):
        make_report(tmp_path / "none", "p", rows(30), [], NOW)
    with pytest.raises(TooFewRowsError, match="reference window has 9"):
        make_report(tmp_path / "none", "p", rows(9), rows(30), NOW)
    assert not (tmp_path / "none").exists()


def test_rows_that_cannot_stand_in_one_table_are_refused(tmp_path: Path) -> None:
    """Vectors of another dimension, for one."""
    with pytest.raises(UnevenRowsError):
        make_report(tmp_path, "p", rows(30), rows(30, dimension=5), NOW)
