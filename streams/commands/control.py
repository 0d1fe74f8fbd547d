"""`freshet control export | import`: what is in force here, to be in force elsewhere."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.connected import with_log
from streams.errors import FreshetError

if TYPE_CHECKING:
    from processors.promotion import Step
    from schemas.control import ControlEvent
    from streams.clients.kafka import LogClient

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="prompt, alias, route (those three by default), budget, quota, tenant or "
        "calibration; repeatable.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="What is in force, as a file.", no_args_is_help=True)
    group.command()(export)
    group.command(name="import")(import_)
    app.add_typer(group, name="control")


def export(
    kinds: Kinds = None,
    key: Annotated[str, typer.Option(metavar="PREFIX", help="Only keys that begin so.")] = "",
) -> None:
    """Print what is in force, an event a line; never keys, index versions or what is built in."""
    from processors.promotion import KINDS, USUAL, exported
    from streams.promotion import lines

    chosen = kinds or list(USUAL)
    if unknown := set(chosen) - set(KINDS):
        raise FreshetError(f"--kind {', '.join(sorted(unknown))}: one of {', '.join(KINDS)}")

    async def work(log: "LogClient") -> "list[ControlEvent]":
        from streams.control import read_control

        return exported(await read_control(log, _built_in()), chosen, key)

    for line in lines(asyncio.run(with_log(work))):
        print(line)


def import_(
    file: Annotated[Path, typer.Argument(help="As `export` prints it; `-` is standard input.")],
    why: Annotated[str, typer.Option(help="The reason, for those who read the log later.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would change, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Put in force what a file says, as the next revision of each key, and say what that changes.

    Where anything of it is refused nothing is written, and the exit code is 1.
    """
    from streams.promotion import carried_out, parsed, planned
    from streams.said import said

    events = parsed(_read(file))

    async def work(log: "LogClient") -> "list[Step]":
        plan = await planned(log, events, _built_in(), said(why))
        if not dry_run and not _refused(plan):
            await carried_out(log, plan, _built_in())
        return plan

    plan = asyncio.run(with_log(work))
    for step in plan:
        print(_json(step) if as_json else _line(step))
    if _refused(plan):
        raise typer.Exit(1)
    if not dry_run:
        written = sum(step.outcome != "same" for step in plan)
        print(f"{written} of {len(plan)} written", file=sys.stderr)


def _refused(plan: "list[Step]") -> bool:
    return any(step.outcome == "refused" for step in plan)


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FreshetError(f"cannot read {path}: {error}") from None


def _json(step: "Step") -> str:
    import msgspec

    changes = [msgspec.to_builtins(change) for change in step.changes]
    found = {"key": step.key, "outcome": step.outcome, "changes": changes, "reason": step.reason}
    return json.dumps(found)


def _line(step: "Step") -> str:
    from streams.audit import told

    outcome = f"refused ({step.reason})" if step.reason else step.outcome
    return "\t".join((step.key, outcome, told(step.changes)))


def _built_in() -> "list[ControlEvent]":
    from processors.builtin import built_in
    from streams import config

    return built_in(config.load().triton.reader)
