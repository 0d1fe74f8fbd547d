"""`freshet verify`: count what is missing, left over, doubled or different."""

import asyncio
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from processors.verify.report import Report
    from processors.version import IndexSpec
    from schemas.control import IndexVersion
    from streams.clients.kafka import Log
    from streams.config import Settings
    from streams.verify import Answers


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)


def verify(
    as_of: Annotated[
        str | None, typer.Option(help="An earlier state: RFC 3339, or an index time.")
    ] = None,
    index_version: Annotated[
        str | None, typer.Option(help="Of this one alone; default: every one that is not retired.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each index version's report as a line of JSON.")
    ] = False,
) -> None:
    """Recompute the index and the token ledger from the log, count evaluations, and compare.

    Exit code 1 on any fault.
    """
    import msgspec

    from streams import config

    reports = asyncio.run(_verify(config.load(), _index_time(as_of), index_version))
    for report in reports:
        print(msgspec.json.encode(report).decode() if as_json else _shown(report))
    raise typer.Exit(1 if any(report.total for report in reports) else 0)


def _index_time(as_of: str | None) -> int | None:
    from schemas.times import InvalidTime, parse_time

    if as_of is None or as_of.isdigit():
        return None if as_of is None else int(as_of)
    try:
        return parse_time(as_of)
    except InvalidTime as error:
        raise FreshetError(f"--as-of: {error}") from None


async def _verify(settings: "Settings", as_of: int | None, only: str | None) -> list["Report"]:
    from processors.builtin import built_in
    from processors.indexversions import active, versions
    from processors.version import spec_of
    from streams.clients.kafka import Log
    from streams.control import read_control
    from streams.verify import Answers
    from streams.versions.known import known

    log = Log(settings.kafka)
    judged = await log.committed("freshet-judge", "responses")
    control = await read_control(log, built_in(settings.triton.reader))
    wanted = [known(control, only)] if only else _in_order(active(control), settings, as_of)
    answers = Answers(judged, tuple(versions(control)))
    return [
        await _one(settings, log, spec_of(version), as_of, None if number else answers)
        for number, version in enumerate(wanted)
    ]


def _in_order(
    found: dict[str, "IndexVersion"], settings: "Settings", as_of: int | None
) -> list["IndexVersion"]:
    """The one of the settings first; those left out that were not whole at that time."""
    names = sorted(found, key=lambda name: (name != settings.index_version, name))
    whole = []
    oldest = time.time_ns() // 1000 - settings.limits.horizon_ms * 1000
    for version in (found[name] for name in names):
        since = version.complete_from
        if version.as_of is not None and version.as_of < oldest:
            beyond = "stands still beyond the horizon: the log no longer has all of its texts"
            print(f"verify: {version.name} {beyond}, and is left out", file=sys.stderr)
            continue
        if since is None or (as_of is not None and as_of < since):
            told = "is still being built" if since is None else f"is whole from {since} on"
            print(f"verify: {version.name} {told}, and is left out", file=sys.stderr)
        else:
            whole.append(version)
    return whole


async def _one(
    settings: "Settings",
    log: "Log",
    spec: "IndexSpec",
    as_of: int | None,
    answers: "Answers | None",
) -> "Report":
    """One index version; and evaluations and charges of all answers, where there are `answers`."""
    from streams.clients.milvus import MilvusIndex
    from streams.verify import rows_of, verify, verify_index

    index, now = MilvusIndex.of(settings.milvus, spec), time.time_ns() // 1000
    verifying = verify_index if answers is None else partial(verify, now=now, answers=answers)
    try:
        return await verifying(
            log,
            rows_of(index),
            spec,
            as_of=as_of,
            horizon=now - settings.limits.horizon_ms * 1000,
            say=lambda step: print(f"verify: {step}", file=sys.stderr),
        )
    finally:
        await index.close()


def _shown(report: "Report") -> str:
    counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in report.counts.items())
    lines = [f"{fault.kind}: {fault.what} {fault.message}".rstrip() for fault in report.faults]
    lines.append(
        f"{report.index_version}: {report.total} faults ({counts}) in {report.rows} rows, "
        f"{report.documents} documents, {report.events} events and {report.evaluations} "
        f"evaluations, as of {report.as_of}"
    )
    if report.reservations:
        lines.append(
            f"the token ledger: {report.reservations} reservations, {report.ends} ended, "
            f"{report.open} open; {report.bounds} times a bound was held against what counts"
        )
    if report.waiting:
        lines.append(f"{report.waiting} responses wait for the judge")
    return "\n".join(lines)
