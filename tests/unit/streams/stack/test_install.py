"""Set-up does what is due, and only that."""

from pathlib import Path

import pytest

from streams.stack import install
from streams.stack.install import Step


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the steps done: `one` makes a file from its input, `two` fails at first."""
    names: list[str] = []
    source, made = tmp_path / "input.txt", tmp_path / "made"
    source.write_text("1")

    def make() -> None:
        names.append("one")
        made.write_text(source.read_text())

    def fail_first() -> None:
        names.append("two")
        if names.count("two") == 1:
            raise install.SetupError("cut short")

    steps = [
        Step("one", "one", [source], made.exists, make),
        Step("two", "two", [source], lambda: "two" in names, fail_first),
    ]
    monkeypatch.setattr(install, "STATE", tmp_path / "state")
    monkeypatch.setattr(install, "steps", lambda: steps)
    monkeypatch.setattr(install, "check", lambda: None)
    return names


def test_a_set_up_that_was_cut_short_goes_on_where_it_stopped(done: list[str]):
    """The step that failed is done again, the one before it is not."""
    assert install.main([]) == 1
    assert install.main([]) == 0
    assert done == ["one", "two", "two"]


def test_a_second_set_up_does_nothing(done: list[str]):
    """Its stamps say that all is there."""
    install.main([])
    install.main([])
    before = list(done)
    assert install.main([]) == 0
    assert done == before


def test_a_changed_input_is_installed_again(done: list[str], tmp_path: Path):
    """New pins reach the environment without being told."""
    install.main([])
    install.main([])
    (tmp_path / "input.txt").write_text("2")
    assert install.main([]) == 0
    assert (tmp_path / "made").read_text() == "2"


def test_what_was_removed_is_installed_again(done: list[str], tmp_path: Path):
    """A stamp alone proves nothing."""
    install.main([])
    install.main([])
    (tmp_path / "made").unlink()
    assert install.main([]) == 0
    assert (tmp_path / "made").exists()


def test_a_step_that_leaves_nothing_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It must not be stamped as done."""
    monkeypatch.setattr(install, "STATE", tmp_path)
    monkeypatch.setattr(install, "check", lambda: None)
    monkeypatch.setattr(install, "steps", lambda: [Step("x", "x", [], lambda: False, lambda: None)])
    assert install.main([]) == 1
    assert not (tmp_path / "stamps" / "x").exists()


def test_the_real_steps_read_inputs_that_exist():
    """A requirement file that was renamed is noticed here, and not on a fresh machine."""
    assert all(path.exists() for step in install.steps() for path in step.inputs)
