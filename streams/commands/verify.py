"""`freshet verify`: count what is missing, left over, doubled or different."""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from processors.verify.report import Report
    from streams.config import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)


def verify(
    as_of: Annotated[
        str | None, typer.Option(help="An earlier state: RFC 3339, or an index time.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Recompute the index from the log, count the evaluations of each answer, and compare.

    Exit code 1 on any fault.
    """
    import msgspec

    from streams import config

    report = asyncio.run(_verify(config.load(), _index_time(as_of)))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print(_shown(report))
    raise typer.Exit(1 if report.total else 0)


def _index_time(as_of: str | None) -> int | None:
    from schemas.times import InvalidTime, parse_time

    if as_of is None or as_of.isdigit():
        return None if as_of is None else int(as_of)
    try:
        return parse_time(as_of)
    except InvalidTime as error:
        raise FreshetError(f"--as-of: {error}") from None


async def _verify(settings: "Settings", as_of: int | None) -> "Report":
    from processors.version import IndexSpec
    from streams.clients.kafka import Log
    from streams.clients.milvus import MilvusIndex
    from streams.verify import rows_of, verify

    spec = IndexSpec(name=settings.index_version)
    horizon = time.time_ns() // 1000 - settings.limits.horizon_ms * 1000
    log = Log(settings.kafka)
    index = MilvusIndex(settings.milvus, spec.name)
    try:
        return await verify(
            log,
            rows_of(index),
            spec,
            as_of=as_of,
            horizon=horizon,
            say=lambda step: print(f"verify: {step}", file=sys.stderr),
            judged=await log.committed("freshet-judge", "responses"),
        )
    finally:
        await index.close()


def _shown(report: "Report") -> str:
    counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in report.counts.items())
    lines = [f"{fault.kind}: {fault.what} {fault.message}".rstrip() for fault in report.faults]
    lines.append(
        f"{report.total} faults ({counts}) in {report.rows} rows, {report.documents} documents, "
        f"{report.events} events and {report.evaluations} evaluations, as of {report.as_of}"
    )
    if report.waiting:
        lines.append(f"{report.waiting} responses wait for the judge")
    return "\n".join(lines)
