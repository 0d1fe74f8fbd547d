"""`freshet replay`: what would have happened. Its commands are in `streams.replay.commands`."""

from importlib import import_module
from pkgutil import iter_modules

import typer

from streams.replay import commands


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Past questions, asked again.", no_args_is_help=True)
    for module in iter_modules(commands.__path__):
        import_module(f"{commands.__name__}.{module.name}").register(group)
    app.add_typer(group, name="replay")
