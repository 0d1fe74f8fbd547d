"""`freshet demo`: the main job for real, on this machine."""

import os

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo() -> None:
    """Start the stack, stream documents through it, ask, edit, delete and verify.

    It stays up until Ctrl-C. With DEMO_EXIT=1 it ends by itself, with exit code 0 only if every
    step held.
    """
    from streams import config
    from streams.demo.run import run

    held = run(config.load(), stay=os.environ.get("DEMO_EXIT", "") in ("", "0"))
    raise typer.Exit(0 if held else 1)
