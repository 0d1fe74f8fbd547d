"""Runs what is installed, beside the stack, until a signal."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from streams.config import Settings
from streams.dashboards import grafana, prometheus, reports
from streams.dashboards.tool import Tool
from streams.errors import SetupError
from streams.stack import lock, ports, status
from streams.stack.lock import StackLock
from streams.stack.supervisor import Supervisor

DYING_S = 20.0

Report = Callable[[str], None]


def folder(settings: Settings) -> Path:
    """Where their data, logs and lock are: a state folder of its own within the stack's."""
    return settings.state_dir.resolve() / "dashboards"


def tools(settings: Settings) -> list[Tool]:
    """All of them, installed or not; the one that shows most comes first."""
    home = folder(settings)
    return [each.tool(settings, home) for each in (grafana, prometheus, reports)]


def running(settings: Settings) -> dict[str, str] | None:
    """What runs already, by name, and where a browser finds it; None where nothing does."""
    home = folder(settings)
    found = status.read(home) if lock.supervisor(home) is not None else None
    if found is None:
        return None
    return {part.name: f"http://{part.address}" for part in found.parts if part.address}


def run(
    settings: Settings,
    report: Report,
    on_ready: Callable[[list[Tool]], None],
    only: str | None = None,
) -> None:
    """Run what is installed until a signal asks to stop; says how to get what is not.

    `only` names the one that is wanted. Beside all of them reports are made of windows.

    Raises:
        SetupError: none of them is installed.
        FreshetError: one of them cannot be started.
    """
    every = [tool for tool in tools(settings) if only in (None, tool.name)]
    there = [tool for tool in every if tool.part is not None]
    for tool in every:
        if tool.part is None:
            report(tool.missing)
    if not there:
        raise SetupError("nothing that shows dashboards is installed")
    built = [tool.part for tool in there if tool.part is not None]
    if only is None and any(part.name == "reports" for part in built):
        built.append(reports.windows(settings))
    home = settings.model_copy(update={"state_dir": folder(settings)})
    held = StackLock(home.state_dir)
    held.acquire(wait_s=DYING_S)
    try:
        ports.check(listener for part in built for listener in part.listeners)
        supervisor = Supervisor(home, built, held, report, lambda: on_ready(there))
        asyncio.run(supervisor.run())
    finally:
        held.release()
