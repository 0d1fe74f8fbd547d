"""`freshet dead-letters list | show | retry`: events that could not be processed."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.deadletters import DeadLetter
    from streams.clients.kafka import Log, Record

_T = TypeVar("_T")

Place = Annotated[str, typer.Argument(help="PARTITION@OFFSET, as `list` prints it.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Events that could not be processed.", no_args_is_help=True)
    group.command(name="list")(list_)
    group.command()(show)
    group.command()(retry)
    app.add_typer(group, name="dead-letters")


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Every dead letter: where it is, why, and where the event came from."""
    for place, letter in _run(_all()):
        if as_json:
            print(json.dumps({"place": place, **_plain(letter)}))
        else:
            origin = f"{letter.topic}/{letter.partition}@{letter.offset}"
            print(f"{place}\t{letter.reason}\t{origin}\t{letter.role}\t{letter.message}")


def show(place: Place) -> None:
    """One dead letter whole, with the event as it was received."""
    _, letter, value = _run(_one(place))
    event = "null" if value is None else value.decode(errors="backslashreplace")
    print(json.dumps(_plain(letter), indent=2))
    print(event)


def retry(
    place: Place,
    value: Annotated[
        Path | None,
        typer.Option(help="A file with the mended value; `-` is standard input.", allow_dash=True),
    ] = None,
) -> None:
    """Send the event to its topic again, as it was or with a mended value."""
    mended = None if value is None else _read(value)
    position = _run(_retry(place, mended))
    print(f"{position.topic}/{position.partition}@{position.offset}")


def _read(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise FreshetError(f"cannot read {path}: {error.strerror}") from None


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(work)


def _log() -> "Log":
    from streams import config
    from streams.clients.kafka import Log

    return Log(config.load().kafka)


async def _all() -> list[tuple[str, "DeadLetter"]]:
    return [_placed(record) async for record in _log().read("dead-letters")]


def _placed(record: "Record") -> tuple[str, "DeadLetter"]:
    from schemas.codec import decode_as
    from schemas.deadletters import DeadLetter

    return f"{record.partition}@{record.offset}", decode_as(DeadLetter, record.value or b"")


async def _one(place: str) -> tuple["Log", "DeadLetter", bytes | None]:
    """The letter, and the event's value: from the letter, or from its origin where it is large."""
    log = _log()
    partition, _, offset = place.partition("@")
    if not (partition.isdigit() and offset.isdigit()):
        raise FreshetError(f"{place!r} is not PARTITION@OFFSET; `dead-letters list` prints them")
    record = await _at(log, "dead-letters", int(partition), int(offset))
    if record is None:
        raise FreshetError(f"there is no dead letter at {place}")
    _, letter = _placed(record)
    if letter.value is not None:
        return log, letter, letter.value
    origin = await _at(log, letter.topic, letter.partition, letter.offset)
    if origin is None:
        raise FreshetError(
            f"the event at {letter.topic}/{letter.partition}@{letter.offset} is gone from the log"
        )
    return log, letter, origin.value


async def _at(log: "Log", topic: str, partition: int, offset: int) -> "Record | None":
    if partition not in await log.ends(topic):
        return None
    async for record in log.read(topic, start={partition: offset}, partitions=[partition]):
        return record if record.offset == offset else None
    return None


async def _retry(place: str, mended: bytes | None) -> Any:
    log, letter, value = await _one(place)
    async with log:
        return await log.send(
            letter.topic, letter.key, value if mended is None else mended, letter.headers
        )


def _plain(letter: "DeadLetter") -> dict[str, Any]:
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "message": letter.message,
        "role": letter.role,
        "at": letter.at,
        "key": None if letter.key is None else letter.key.decode(errors="replace"),
        "headers": {name: value.decode(errors="replace") for name, value in letter.headers},
    }
