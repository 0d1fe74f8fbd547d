"""`freshet audit`: who changed what decides an answer, when and why."""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Annotated

import typer

from streams.connected import with_log

if TYPE_CHECKING:
    from schemas.control import ControlEvent
    from streams.audit import Chosen, Entry
    from streams.clients.kafka import LogClient


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    since: Annotated[
        str | None, typer.Option(help="From then on: RFC 3339, or 24h for a day ago.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="Only what this person changed.")] = None,
    key: Annotated[
        str, typer.Option(metavar="PREFIX", help="Only keys that begin so: tenant/, key/, route/..")
    ] = "",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Then what comes, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Every change of `control`: when, who, what, field by field, why; those refused with why not.

    As far back as the topic goes: all within the horizon, and before that the last of each key.
    """
    from streams.audit import Chosen
    from streams.durations import moment

    now = time.time_ns() // 1000
    start = 0 if since is None else moment("--since", since, now)
    chosen = Chosen(start, who, key)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(with_log(lambda log: _print(log, chosen, follow=follow, as_json=as_json)))


async def _print(log: "LogClient", chosen: "Chosen", *, follow: bool, as_json: bool) -> None:
    from streams.audit import following, shown, trail

    def put(entries: "list[Entry]") -> None:
        for entry in filter(chosen.takes, entries):
            print(shown(entry, as_json=as_json), flush=True)

    if not follow:
        put(await trail(log, _built_in()))
        return
    async for entry in following(log, _built_in(), put):
        put([entry])


def _built_in() -> "list[ControlEvent]":
    from processors.builtin import built_in
    from streams import config

    return built_in(config.load().triton.reader)
