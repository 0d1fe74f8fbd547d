"""The command line. Each module of `streams.commands` adds its own commands."""

import logging
import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

from streams import commands
from streams.errors import FreshetError

app = typer.Typer(
    name="freshet",
    help="Answers from documents that never stop changing, each with proof of what it knew.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in iter_modules(commands.__path__):
    import_module(f"{commands.__name__}.{module.name}").register(app)


_CLIENTS = ("aiokafka", "pymilvus", "stamina")
"""Their complaints are for the logs of workers; a command says itself what is wrong."""


def main() -> None:
    """Run; an expected error is one line on stderr and exit code 1."""
    for name in _CLIENTS:
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        app()
    except FreshetError as error:
        print(f"freshet: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
