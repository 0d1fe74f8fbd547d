"""Evidently reports: made of two windows, and readable in a workspace of its own."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from evidently.core.serialization import SnapshotModel
from evidently.ui.workspace import Workspace

from monitoring.reports import ReportRow, TooFewRowsError, UnevenRowsError, make_report

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
    assert {str(run) for run in workspace.list_runs(project.id)} == {first, second}
    moved = values(workspace.get_run(project.id, first))
    same = values(workspace.get_run(project.id, second))
    drift = "Drift in embeddings: embedding"
    assert moved[drift] > 0.9 > 0.7 > same[drift]
    assert any("latency_ms" in name for name in moved)
    assert any("question: words" in name for name in moved)
    assert not any("never" in name for name in moved)


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
