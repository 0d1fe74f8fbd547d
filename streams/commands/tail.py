"""`freshet tail`: a topic's events as they come."""

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from streams.clients.kafka import Record
    from streams.config import Settings

SHOWN = 400


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tail)


def tail(
    topic: Annotated[str, typer.Argument(help="Such as `responses`; `index.changes`.")],
    beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All that the topic still holds, first.")
    ] = False,
    count: Annotated[int, typer.Option("--count", "-n", help="Stop after so many; 0: never.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One whole JSON object a line, with key and headers.")
    ] = False,
) -> None:
    """Follow a topic until Ctrl-C."""
    from schemas.topics import TOPICS, topic_named
    from streams import config

    try:
        topic_named(topic)
    except KeyError:
        raise FreshetError(f"there is no topic {topic!r}; there are {', '.join(TOPICS)}") from None
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_tail(config.load(), topic, beginning, count, as_json))


async def _tail(
    settings: "Settings", topic: str, beginning: bool, count: int, as_json: bool
) -> None:
    from streams.clients.kafka import Log

    seen = 0
    async for record in Log(settings.kafka).follow(
        [topic], start="beginning" if beginning else "end"
    ):
        print(_whole(record) if as_json else _line(record), flush=True)
        seen += 1
        if seen == count:
            return


def _line(record: "Record") -> str:
    key = "-" if record.key is None else record.key.decode(errors="replace")
    value = "null (deleted)" if record.value is None else record.value.decode(errors="replace")
    more = f"… {len(value)} characters" if len(value) > SHOWN else ""
    return f"{record.topic}/{record.partition}@{record.offset} {key} {value[:SHOWN]}{more}"


def _whole(record: "Record") -> str:
    return json.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
            "key": None if record.key is None else record.key.decode(errors="replace"),
            "headers": {name: _text(value) for name, value in record.headers},
            "value": _value(record.value),
        },
        ensure_ascii=False,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")


def _value(value: bytes | None) -> Any:
    """JSON as what it says; anything else as text."""
    try:
        return None if value is None else json.loads(value)
    except ValueError:
        return _text(value)
