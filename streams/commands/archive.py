"""`freshet archive`: the log's records in Delta tables, for as long as you like."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from streams.archive.compare import Counts
    from streams.archive.layout import Layout
    from streams.archive.show import Held, Partition
    from streams.config import Settings

_Told = TypeVar("_Told")

Out = Annotated[
    Path | None,
    typer.Option("--out", help="The archive's folder; default: `archive` in the state folder."),
]
Master = Annotated[str | None, typer.Option(help="Spark's; default: setting `spark.master`.")]
Topics = Annotated[
    str | None, typer.Option(help="Only these, with commas between; default: every one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="Archive the log to Delta tables, and look after them.", invoke_without_command=True
    )
    group.callback()(archive)
    for command in (show, verify, compact, expire):
        group.command()(command)
    app.add_typer(group, name="archive")


def archive(
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until Ctrl-C; without it: to the log's end.")
    ] = False,
    every: Annotated[str, typer.Option(help="How often --follow adds to the tables.")] = "60s",
    out: Out = None,
    topics: Topics = None,
    master: Master = None,
    as_json: AsJson = False,
) -> None:
    """Archive every topic: each record once, whatever happens. A second run goes on."""
    if context.invoked_subcommand is not None:
        return
    import json

    from streams.archive.run import archive as run
    from streams.durations import duration

    at = _place(out)
    follow_every_s = float(duration("--every", every)) if follow else None
    done = run(at.settings, at.layout, _names(topics), master=master, follow_every_s=follow_every_s)
    if as_json:
        print(json.dumps({"folder": str(at.layout.folder), "archived": done}))
        return
    for topic, count in sorted(done.items()):
        print(f"{topic}\t{count}")


def show(
    out: Out = None, topics: Topics = None, master: Master = None, as_json: AsJson = False
) -> None:
    """Each table: rows, event times, offsets, what the log had lost, versions."""
    from streams.archive.show import held

    with _reading(out, topics, master) as (_, spark, layout, names):
        _print(held(spark, layout, names), _shown, as_json)


def verify(
    out: Out = None, topics: Topics = None, master: Master = None, as_json: AsJson = False
) -> None:
    """Compare the log, as far as it is archived, with the tables. Exit code 1 on any fault."""
    from streams.archive.verify import verify as compare

    with _reading(out, topics, master) as (settings, spark, layout, names):
        found = list(compare(settings, spark, layout, names, _say))
    _print(found, _compared, as_json)
    raise typer.Exit(1 if any(each.total for each in found) else 0)


def compact(
    out: Out = None, topics: Topics = None, master: Master = None, as_json: AsJson = False
) -> None:
    """Merge small files. It may run beside an archive that follows the log."""
    from streams.archive.upkeep import compact as merge

    with _reading(out, topics, master) as (_, spark, layout, names):
        _print(
            merge(spark, layout, names),
            lambda done: f"{done.topic}\t{done.removed} files became {done.added}",
            as_json,
        )


def expire(
    older_than: Annotated[str, typer.Option(help="Days of event time: 90d.")],
    out: Out = None,
    topics: Topics = None,
    master: Master = None,
    as_json: AsJson = False,
) -> None:
    """Drop rows by the day of their event, and files that no version of the last week needs.

    Of compacted topics the newest row of each key stays; `index.changes` stays whole.
    """
    from datetime import UTC, datetime

    from streams.archive.upkeep import Expired, cutoff
    from streams.archive.upkeep import expire as drop
    from streams.durations import duration

    before = cutoff(duration("--older-than", older_than) / 86_400, datetime.now(UTC))

    def said(done: Expired) -> str:
        return f"{done.topic}\t{done.why_kept or f'{done.rows} rows before {before} dropped'}"

    with _reading(out, topics, master) as (_, spark, layout, names):
        _print(drop(spark, layout, names, before), said, as_json)


class _Place(NamedTuple):
    settings: "Settings"
    layout: "Layout"


def _place(out: Path | None) -> _Place:
    from streams import config
    from streams.archive.layout import Layout

    settings = config.load()
    return _Place(settings, Layout((out or settings.state_dir / "archive").resolve()))


@contextmanager
def _reading(
    out: Path | None, topics: str | None, master: str | None
) -> "Iterator[tuple[Settings, SparkSession, Layout, list[str]]]":
    """An archive that is there, and a session to look at it."""
    from streams.spark.session import explained, session

    settings, layout = _place(out)
    names = layout.chosen(_names(topics))
    with session(settings, "freshet archive", master=master) as spark, explained():
        yield settings, spark, layout, names


def _names(topics: str | None) -> list[str]:
    if topics is None:
        return []
    found = [name.strip() for name in topics.split(",")]
    if not all(found):
        raise FreshetError(f"--topics {topics!r}: names with commas between")
    return found


def _print(found: "Iterable[_Told]", text: "Callable[[_Told], str]", as_json: bool) -> None:
    import msgspec

    for each in found:
        print(msgspec.json.encode(each).decode() if as_json else text(each), flush=True)


def _say(message: str) -> None:
    print(f"archive: {message}", file=sys.stderr)


def _shown(table: "Held") -> str:
    from schemas.times import format_time

    events = [table.first_event, table.last_event]
    first, last = ("-" if time is None else format_time(time) for time in events)
    head = (
        f"{table.topic}: {table.rows} rows ({table.faulty} faulty) from {first} to {last}; "
        f"{table.files} files, {table.bytes / 1e6:.1f} MB; "
        f"versions {table.oldest_version} to {table.version}"
    )
    return "\n".join((head, *(_line(each) for each in table.partitions)))


def _line(of: "Partition") -> str:
    offsets = "none" if of.first is None else f"{of.first} to {of.last}"
    lost = f", {of.lost} lost before they were archived" if of.lost else ""
    return f"  {of.partition}: {of.rows} rows, offsets {offsets}{lost}"


def _compared(found: "Counts") -> str:
    head = (
        f"{found.topic}: {found.total} faults ({found.missing} missing, {found.doubled} doubled, "
        f"{found.different} different) in {found.archived} rows and {found.log} records"
    )
    return "\n".join((*found.faults, head))
