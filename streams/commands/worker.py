"""`freshet worker ROLE` and `freshet gateway`: one process of ours, wherever it should run."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(worker)
    app.command()(gateway)


def worker(
    role: Annotated[
        str, typer.Argument(help="indexer, writer, admission, answerer, judge, monitor or steward.")
    ],
) -> None:
    """Run one worker until it is told to stop. `freshet up` runs one of each."""
    from streams.role import run

    run(role)


def gateway() -> None:
    """Run the HTTP front until it is told to stop."""
    from streams.role import GATEWAY, run

    run(GATEWAY)
