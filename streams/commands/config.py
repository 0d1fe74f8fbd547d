"""`freshet config show`: the settings in force."""

import json

import typer


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="The settings.", no_args_is_help=True)
    group.command()(show)
    group.callback()(lambda: None)
    app.add_typer(group, name="config")


def show() -> None:
    """Print every setting in force as JSON, secrets masked."""
    from streams import config

    print(json.dumps(config.load().masked, indent=2))
