"""Write the pages of `docs/` that list what the code has: `python -m streams.reference`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from monitoring.dashboards import DASHBOARDS
from monitoring.dashboards.panel import Dashboard
from monitoring.metrics import FAMILIES, Family
from streams.config import ROOT, Settings

DOCS = ROOT / "docs"

_OF_THE_MACHINE = ("triton.threads",)
"""Settings whose default differs from machine to machine; their meaning says how."""

_CONFIGURATION = """# Configuration

What counts is a setting's environment variable, else what `freshet.yaml` in the working folder says
(`FRESHET_CONFIG` names another file), else the default. The variable of `kafka.bootstrap` is
`FRESHET_KAFKA__BOOTSTRAP`; lists and tables are JSON there. `freshet config show` prints what is in
force. Defaults that are paths are within the repository.
"""

_COMMANDS = """# Commands

`freshet` is `.venv/bin/freshet`; `freshet COMMAND --help` tells the arguments and options. Results
go to standard output, all else to standard error. The exit code is 0 only where a command did what
it was asked for.
"""

_METRICS = """# Metrics

Each worker shows its own at `/metrics` on its port (`metrics.ports`), the gateway on its port. No
label is unbounded: tenants, documents and questions are none. Where a worker's `/ready` answers 200
it has recovered and works. [Dashboards](dashboards.md) show them, and rules watch over them.

A *counter* only grows, so what one looks at is how fast; a *gauge* is a value now; a *histogram*
knows how many values lay below each of its bounds, from which medians and percentiles are told.
"""

_PANELS = """# What each panel means

Of the [dashboards](dashboards.md) in `monitoring/dashboards`. The [metrics](metrics.md) behind them
have a page of their own.
"""


def pages() -> dict[Path, str]:
    """Each page, and what it has to say."""
    made: dict[str, Callable[[], str]] = {
        "configuration.md": configuration,
        "commands.md": commands,
        "metrics.md": metrics,
        "panels.md": panels,
    }
    return {DOCS / name: page() for name, page in made.items()}


def configuration() -> str:
    """Every setting with its default and its meaning."""
    rows = ((f"`{name}`", _shown(name, field), _meaning(field)) for name, field in settings())
    return f"{_CONFIGURATION}\n{_table(('name', 'default', 'meaning'), rows)}"


def settings(model: type[BaseModel] = Settings, above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting by its dotted name."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings(inner, f"{above}{name}.")
        else:
            yield f"{above}{name}", field


def commands() -> str:
    """Every command with its first sentence."""
    rows = ((f"`freshet {' '.join(path)}`", said) for path, said in walk())
    return f"{_COMMANDS}\n{_table(('command', 'what it does'), rows)}"


def metrics() -> str:
    """Every metric with its labels and its meaning, by the process that shows it."""
    return _METRICS + "".join(_family(family) for family in FAMILIES.values())


def _family(family: Family) -> str:
    rows = (
        (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.meaning)
        for one in family.metrics
    )
    table = _table(("name", "kind", "labels", "meaning"), rows)
    return f"\n## {family.title}\n\n{family.about}\n\n{table}"


def panels() -> str:
    """Every panel with its meaning, by dashboard."""
    return _PANELS + "".join(_dashboard(board) for board in DASHBOARDS)


def _dashboard(board: Dashboard) -> str:
    rows = (
        (section.title, panel.title, panel.meaning)
        for section in board.sections
        for panel in section.panels
    )
    table = _table(("section", "panel", "meaning"), rows)
    return f"\n## {board.title.removeprefix('Freshet: ')}\n\n{board.about}\n\n{table}"


def walk() -> Iterator[tuple[list[str], str]]:
    """Every command's path and what its help begins with, groups left out."""
    from streams.cli import app

    yield from _below(typer.main.get_command(app), [])


def _below(command: Any, path: list[str]) -> Iterator[tuple[list[str], str]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, " ".join(command.help.partition("\n\n")[0].split())
        return
    for name, sub in inner.items():
        yield from _below(sub, [*path, name])


def _shown(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is None or name in _OF_THE_MACHINE:
        return "–"
    return f"`{json.dumps(_plain(default))}`"


def _plain(value: Any) -> Any:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else value


def _meaning(field: FieldInfo) -> str:
    return field.description or ""


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
