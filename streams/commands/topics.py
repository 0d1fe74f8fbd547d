"""`freshet topics`: make the topics on a cluster that `freshet up` does not run."""

import asyncio

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(topics)


def topics() -> None:
    """Create the topics that are missing, and print their names; existing ones stay as they are."""
    from streams import config
    from streams.clients.kafka import ensure_topics

    settings = config.load()
    making = ensure_topics(settings.kafka, settings.limits.horizon_ms, [settings.index_version])
    for name in asyncio.run(making):
        print(name)
