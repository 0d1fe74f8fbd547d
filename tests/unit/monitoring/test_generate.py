"""The committed rules and dashboards say what their descriptions say."""

from pathlib import Path

import pytest

from monitoring import generate


def test_the_committed_files_are_up_to_date() -> None:
    """Run `python -m monitoring.generate` after changing a rule or a panel."""
    assert generate.outdated() == []


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to write to."""
    package = tmp_path / "monitoring"
    package.mkdir()
    monkeypatch.setattr(generate, "HERE", package)
    return package


def test_a_check_writes_nothing_and_fails(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checks never change files."""
    assert generate.main(["--check"]) == 1
    assert list(elsewhere.iterdir()) == []
    assert "monitoring/rules/freshet.yml" in capsys.readouterr().out


def test_writing_makes_the_check_pass(elsewhere: Path) -> None:
    """And takes a dashboard away that is described no longer."""
    left = elsewhere / "grafana" / "dashboards" / "gone.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}")

    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert not left.exists()


def test_another_argument_is_explained(elsewhere: Path) -> None:
    """With the exit code of wrong usage."""
    assert generate.main(["--chekc"]) == 2
