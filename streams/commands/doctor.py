"""`freshet doctor`: what is wrong, and what to do about it."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Examine the machine, the installation and the stack; exit code 1 if anything is wrong."""
    from streams import config
    from streams.stack.doctor import examine

    findings = examine(config.load())
    if as_json:
        print(json.dumps([asdict(each) for each in findings], indent=1))
    else:
        for each in findings:
            mark, text = ("ok ", each.found) if each.problem is None else ("!! ", each.problem)
            print(f"{mark} {each.subject:<14} {text}")
    raise typer.Exit(1 if any(each.problem for each in findings) else 0)
