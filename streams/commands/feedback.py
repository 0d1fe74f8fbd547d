"""`freshet feedback give | export | agreement`: what people say of answers."""

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.connected import with_log
from streams.errors import FreshetError

if TYPE_CHECKING:
    from processors.feedback.agreement import Figures
    from processors.feedback.join import Pair
    from schemas.feedback import Feedback
    from streams.clients.kafka import LogClient
    from streams.dataset import Dataset, Format


SOURCE = "freshet/cli"
_THUMBS = {"up": 1, "down": -1, "none": 0}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Since = Annotated[str | None, typer.Option(help="Answers given from then on: RFC 3339.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="What people say of answers.", no_args_is_help=True)
    for command in (give, export, agreement):
        group.command()(command)
    app.add_typer(group, name="feedback")


def give(
    query_id: Annotated[str, typer.Argument(help="Of the answer, as `ask --json` prints it.")],
    thumb: Annotated[str, typer.Argument(metavar="up|down|none", help="none takes it back.")],
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", help="Such as grounded, hallucination, too-long; repeatable."),
    ] = None,
    comment: Annotated[str | None, typer.Option(help="In your words.")] = None,
    correction: Annotated[str | None, typer.Option(help="What would have been right.")] = None,
    reviewer: Annotated[
        str | None, typer.Option(help="Who says so: a reviewer's verdict outranks thumbs.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose; default: setting `tenant`.")] = None,
) -> None:
    """Say what you think of an answer. Who says something again replaces what they said."""
    from streams import config

    if thumb not in _THUMBS:
        raise FreshetError(f"{thumb!r}: up, down or none")
    feedback = _feedback(
        query_id=query_id,
        tenant=tenant or config.load().tenant,
        rating=_THUMBS[thumb],
        labels=labels or None,
        comment=comment,
        correction=correction,
        reviewer=reviewer,
    )
    asyncio.run(with_log(lambda log: _send(log, feedback)))
    print(f"feedback for {query_id} is in the log")


def export(
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    kind: Annotated[str, typer.Option("--format", help="jsonl, parquet or both.")] = "jsonl",
    since: Since = None,
    until: Annotated[str | None, typer.Option(help="And before then: RFC 3339.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a dataset there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write labelled answers as a dataset: a row an answer, and its lineage beside it."""
    from streams import dataset, labels
    from streams.reporting import Reporter

    made = _format(kind)
    start, end = labels.moment("--since", since), labels.moment("--until", until)
    target = out.absolute()
    dataset.check_target(target, force=force)

    async def work(log: "LogClient") -> "Dataset":
        watch = Reporter(as_json=as_json).progress
        return await dataset.read(log, since=start, until=end, now=_now(), watch=watch)

    found = asyncio.run(with_log(work))
    files = dataset.write(found, target, made)
    if as_json:
        print(json.dumps({"out": str(target), "files": files, **found.lineage.counts}))
    else:
        counts = ", ".join(
            f"{n} {name.replace('_', ' ')}" for name, n in found.lineage.counts.items()
        )
        print(f"{target}: {counts}; {', '.join(files)}")


def agreement(since: Since = None, as_json: AsJson = False) -> None:
    """How far judge and people agree: Cohen's kappa, who said what, and the reliability curve."""
    import msgspec

    from streams import labels
    from streams.reporting import Reporter

    start = labels.moment("--since", since)

    async def work(log: "LogClient") -> list["Pair"]:
        return await labels.pairs(log, Reporter(as_json=as_json).progress)

    found = labels.since(asyncio.run(with_log(work)), start)
    for figures in labels.agreement(found).figures():
        print(msgspec.json.encode(figures).decode() if as_json else _shown(figures))


async def _send(log: "LogClient", feedback: "Feedback") -> None:
    from schemas.codec import encode
    from schemas.envelope import headers
    from schemas.topics import type_of

    name = headers(type_of(feedback), source=SOURCE, time=_now())
    await log.send("feedback", feedback.query_id, encode(feedback), name)


def _feedback(**fields: object) -> "Feedback":
    import msgspec

    from schemas.feedback import Feedback

    try:
        return msgspec.convert(fields, Feedback)
    except msgspec.ValidationError as error:
        raise FreshetError(f"that is no feedback: {error}") from None


def _format(name: str) -> "Format":
    import msgspec

    from streams.dataset import Format

    try:
        return msgspec.convert(name, Format)  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        raise FreshetError(f"--format {name!r}: jsonl, parquet or both") from None


def _shown(figures: "Figures") -> str:
    table = figures.table
    lines = [
        f"{figures.judge or 'every judge'}, {figures.route or 'every route'}: "
        f"{table.pairs} answers, agreed {_number(figures.agreed)}, "
        f"kappa {_number(figures.kappa)}, Brier score {_number(figures.brier)}, "
        f"calibration error {_number(figures.calibration_error)}",
        f"  the judge says grounded: {table.both} times people too, {table.judge_only} times not",
        f"  the judge says it is not: {table.neither} times people too, "
        f"{table.people_only} times not",
    ]
    lines += [
        f"  told {one.low:.1f} to {one.high:.1f}: {_number(one.predicted)} on average, "
        f"{_number(one.observed)} by people, {one.count} answers"
        for one in figures.reliability
        if one.count
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _now() -> int:
    return time.time_ns() // 1000
