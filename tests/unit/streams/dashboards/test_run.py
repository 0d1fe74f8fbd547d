"""What is installed is run, and of what is not it is said how to get it."""

import os
from pathlib import Path

import pytest

from streams.config import Settings
from streams.dashboards import reports, run
from streams.errors import SetupError
from streams.stack import status
from streams.stack.lock import StackLock
from streams.stack.status import PartStatus, StackStatus


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A machine on which nothing of it is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    return Settings(state_dir=tmp_path / "state")


def test_where_nothing_is_installed_it_says_how_to_get_each(bare: Settings) -> None:
    """And fails, since it shows nothing."""
    said: list[str] = []

    with pytest.raises(SetupError):
        run.run(bare, said.append, lambda _: None)

    assert [text.split()[0] for text in said] == ["grafana", "prometheus", "evidently"]
    assert not bare.state_dir.exists()


def test_one_that_is_installed_is_enough(bare: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are named."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())

    assert [tool.name for tool in run.tools(bare) if tool.part] == ["reports"]


def test_the_reports_are_shown_here_alone_and_nothing_is_reported(tmp_path: Path) -> None:
    """From the folder that they are put into."""
    settings = Settings(state_dir=tmp_path)
    part = reports.tool(settings, tmp_path / "home").part
    assert part is not None

    command = part.prepare()

    assert "--workspace" in command.argv
    assert str(reports.workspace(settings)) in command.argv
    assert command.argv[-4:] == ("--host", "127.0.0.1", "--port", "8720")
    assert command.env["DO_NOT_TRACK"] == "1"
    assert reports.workspace(settings).is_dir()


def test_what_runs_already_is_found_by_where_it_listens(tmp_path: Path) -> None:
    """Whatever the settings say by now; and nothing is found once it has ended."""
    settings = Settings(state_dir=tmp_path)
    home = run.folder(settings)
    lock = StackLock(home)
    assert run.running(settings) is None

    lock.acquire()
    part = PartStatus("prometheus", "127.0.0.1:9999", "log")
    status.write(home, StackStatus(os.getpid(), 0.0, [part]))

    assert run.running(settings) == {"prometheus": "http://127.0.0.1:9999"}
    lock.release()
    assert run.running(settings) is None


def test_reports_are_made_beside_what_shows_them(tmp_path: Path) -> None:
    """By the command itself, for the stack of these settings."""
    settings = Settings(state_dir=tmp_path)
    part = reports.windows(settings)

    command = part.prepare()

    assert (part.address, part.needs) == ("", ("reports",))
    assert command.argv[-5:] == ("report", "drift", "--follow", "--every", "3600s")
    assert command.env["FRESHET_STATE_DIR"] == str(tmp_path)
