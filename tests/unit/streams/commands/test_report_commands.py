"""`freshet report drift`: what is asked for, what is printed, and where it is shown."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitoring.reports import MadeReport
from streams.cli import app
from streams.errors import FreshetError
from streams.reports.choose import Span, Wanted

MADE = MadeReport(id="r-1", project_id="p-1", drifted=["relevance: lower"], compared=16)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Wanted]:
    """What reports were asked for; each is the same one."""
    wanted: list[Wanted] = []

    async def make(_self: Any, what: Wanted) -> MadeReport:
        wanted.append(what)
        return MADE

    monkeypatch.setattr("streams.reports.make.Maker.make", make)
    monkeypatch.setenv("FRESHET_STATE_DIR", str(tmp_path))
    return wanted


def run(*arguments: str) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, ["report", "drift", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_it_prints_where_the_report_is_and_what_drifted(asked: list[Wanted]) -> None:
    """In lines, or as JSON."""
    shown = run()
    found = json.loads(run("--json"))
    assert "report r-1 of default/all routes: " in shown
    assert "1 of 16 drifted\n  relevance: lower" in shown
    assert found["path"].endswith("/reports/p-1/snapshots/r-1.json")
    assert (found["id"], found["drifted"]) == ("r-1", ["relevance: lower"])
    assert asked == [Wanted(tenant="default")] * 2


def test_times_tenant_and_route_are_what_is_asked_for(asked: list[Wanted]) -> None:
    """A time that is left out is the beginning, or the end."""
    run("--tenant", "acme", "--route", "canary", "--since", "1970-01-01T00:00:05Z", "--last", "50")
    run("--until", "9", "--reference-since", "1", "--reference-until", "4")
    assert asked == [
        Wanted(tenant="acme", route="canary", current=Span(5_000_000), last=50),
        Wanted(tenant="default", current=Span(0, 9), reference=Span(1, 4)),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "yesterday"), "--since"),
        (("--since", "9", "--until", "9"), "--until must be later"),
        (("--reference-since", "9", "--reference-until", "3"), "--reference-until must be later"),
        (("--follow", "--since", "9"), "leave them out"),
        (("--follow", "--every", "0h"), "such as 30m"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    asked: list[Wanted], arguments: tuple[str, ...], told: str
) -> None:
    """Before anything is read."""
    with pytest.raises(FreshetError, match=told):
        run(*arguments)
    assert asked == []


def test_it_is_shown_where_evidently_runs_already(
    asked: list[Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the page of this very report is opened."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    monkeypatch.setattr("streams.dashboards.run.running", lambda _: {"reports": "http://here:1"})
    run("--open")
    assert opened == ["http://here:1/projects/p-1/reports/r-1"]


def test_where_evidently_does_not_run_it_is_started_alone(
    asked: list[Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the rest of the dashboards."""
    started: list[str | None] = []
    monkeypatch.setattr("streams.dashboards.run.running", lambda _: None)
    monkeypatch.setattr("streams.dashboards.run.run", lambda *_, only=None: started.append(only))
    run("--open")
    assert started == ["reports"]
