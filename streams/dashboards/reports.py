"""Evidently's user interface over the reports that have been made."""

import importlib.util
import os
import sys
from pathlib import Path

from streams.config import Settings
from streams.dashboards.tool import HOST, Tool
from streams.stack import health, ports
from streams.stack.part import Command, Part


def workspace(settings: Settings) -> Path:
    """Where reports are kept."""
    return settings.state_dir.resolve() / "reports"


def tool(settings: Settings, home: Path) -> Tool:
    """It runs in `home`."""
    there = importlib.util.find_spec("evidently") is not None
    return Tool(
        "reports",
        "drift reports",
        settings.dashboards.reports_port,
        "evidently is not installed: no drift reports. `make setup` installs it",
        _part(settings, home) if there else None,
    )


def windows(settings: Settings) -> Part:
    """Makes a report of each window of answers once it is closed."""

    async def ready(_: int | None) -> bool:
        return True

    def prepare() -> Command:
        every = f"{settings.dashboards.reports_every_s}s"
        what = ("report", "drift", "--follow", "--every", every)
        state = {"FRESHET_STATE_DIR": str(settings.state_dir.resolve())}
        argv = (sys.executable, "-m", "streams.cli", *what)
        return Command(argv, {**os.environ, **state}, Path.cwd())

    return Part("windows", (), prepare, ready, needs=("reports",))


def _part(settings: Settings, home: Path) -> Part:
    address = ports.Address(HOST, settings.dashboards.reports_port)
    shown = workspace(settings)

    def prepare() -> Command:
        home.mkdir(parents=True, exist_ok=True)
        shown.mkdir(parents=True, exist_ok=True)
        argv = (sys.executable, "-m", "evidently.cli", "ui", "--workspace", str(shown))
        where = ("--host", address.host, "--port", str(address.port))
        return Command((*argv, *where), {**os.environ, "DO_NOT_TRACK": "1"}, home)

    return Part(
        name="reports",
        listeners=(ports.Listener(address, "dashboards.reports_port"),),
        prepare=prepare,
        ready=lambda _: health.http_ready(address, "/api/version"),
    )
