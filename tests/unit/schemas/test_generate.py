from pathlib import Path

import pytest

from schemas import generate


def test_the_committed_files_say_what_the_types_say():
    """Run `python -m schemas.generate` after changing a type."""
    assert generate.outdated() == []


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "schemas"
    package.mkdir()
    monkeypatch.setattr(generate, "HERE", package)
    return package


def test_a_check_writes_nothing_and_fails(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    """Checks never change files."""
    assert generate.main(["--check"]) == 1
    assert list(elsewhere.iterdir()) == []
    assert "schemas/asyncapi.yaml" in capsys.readouterr().out


def test_writing_makes_the_check_pass(elsewhere: Path):
    """Twice in a row changes nothing more."""
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_a_file_that_was_changed_or_is_left_over_is_noticed_and_mended(elsewhere: Path):
    """By hand or by a type that is gone."""
    generate.write()
    changed, left = elsewhere / "asyncapi.yaml", elsewhere / "json" / "gone.v1.json"
    changed.write_text("asyncapi: 2.0.0\n")
    left.write_text("{}")
    assert generate.outdated() == sorted([changed, left])
    generate.write()
    assert generate.outdated() == []
    assert not left.exists()


def test_an_unknown_argument_gets_the_usage(elsewhere: Path):
    """Exit code 2, and nothing written."""
    assert generate.main(["--force"]) == 2
    assert list(elsewhere.iterdir()) == []
