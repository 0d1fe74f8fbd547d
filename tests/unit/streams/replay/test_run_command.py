"""`freshet replay run`: what is refused before anything is begun."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.errors import FreshetError

RUNNER = CliRunner()
DAY = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*DAY, "--variant", "live"), "--out"),
        (("--from", "yesterday", "--variant", "live", "--out", "run"), "--from"),
        ((*DAY[2:], "--from", "2026-01-03T00:00:00Z", "--variant", "live"), "later than"),
        ((*DAY, "--variant", "live", "--limit", "1", "--sample", "0.5"), "only one"),
        ((*DAY, "--variant", "gone.yaml"), r"gone\.yaml"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do about it, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FreshetError, match=told):
        RUNNER.invoke(app, ["replay", "run", *arguments], catch_exceptions=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_an_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Spark is started for it."""
    monkeypatch.setenv("FRESHET_STATE_DIR", str(tmp_path / "state"))
    given = (*DAY, "--variant", "live", "--archive", str(tmp_path), "--dry-run")
    with pytest.raises(FreshetError, match="no archive"):
        RUNNER.invoke(app, ["replay", "run", *given], catch_exceptions=False)
