"""`freshet report drift`: Evidently reports of answers, from the log."""

import asyncio
import contextlib
import json
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from monitoring.reports import MadeReport
    from streams.config import Settings
    from streams.reports.choose import Span, Wanted
    from streams.reports.make import Maker

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EMBED_S = 20.0

Moment = str | None


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Reports that look closer.", no_args_is_help=True)
    group.command()(drift)
    app.add_typer(group, name="report")


def drift(
    tenant: Annotated[
        str | None, typer.Option(help="Whose answers; default: setting `tenant`.")
    ] = None,
    route: Annotated[str | None, typer.Option(help="Of one route; default: all.")] = None,
    since: Annotated[Moment, typer.Option(help="Answers given from then on: RFC 3339.")] = None,
    until: Annotated[Moment, typer.Option(help="And before then.")] = None,
    last: Annotated[
        int | None, typer.Option(min=10, max=2000, help="The newest so many of them.")
    ] = None,
    reference_since: Annotated[
        Moment, typer.Option(help="Compare with answers given from then on.")
    ] = None,
    reference_until: Annotated[Moment, typer.Option(help="And before then.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="A report for each window, as it closes.")
    ] = False,
    every: Annotated[str, typer.Option(help="Its length: 30m, 1h, 1d.")] = "1h",
    open_browser: Annotated[
        bool, typer.Option("--open", help="Show it in the browser; until Ctrl-C where need be.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare answers with earlier ones in an Evidently report, that `freshet dashboards` shows.

    Without times: the newest 200 with the reference of the newest drift event, or the oldest 500.
    """
    from streams import config

    settings = config.load()
    current = _span("", since, until)
    reference = _span("reference-", reference_since, reference_until)
    if follow and (current or reference or last):
        raise FreshetError("--follow chooses the times itself: leave them out")
    length = _seconds(every)
    from streams.reports.choose import Span, Wanted

    wanted = Wanted(
        tenant=tenant or settings.tenant,
        route=route,
        current=current or Span(),
        reference=reference,
        last=last,
    )
    if follow:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_follow(settings, wanted, length, as_json))
        return
    made = asyncio.run(_make(settings, wanted))
    _print(settings, wanted, made, as_json=as_json)
    if open_browser:
        _show(settings, made)


def _span(prefix: str, since: Moment, until: Moment) -> "Span | None":
    if since is None and until is None:
        return None
    from streams.labels import moment
    from streams.reports.choose import Span

    begin, end = moment(f"--{prefix}since", since), moment(f"--{prefix}until", until)
    span = Span(begin or 0) if end is None else Span(begin or 0, end)
    if span.until <= span.since:
        raise FreshetError(f"--{prefix}until must be later than --{prefix}since")
    return span


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None or int(found[1]) == 0:
        raise FreshetError(f"--every: {text!r} is no length of time; such as 30m, 1h, 1d")
    return int(found[1]) * _UNITS[found[2]]


async def _make(settings: "Settings", wanted: "Wanted") -> "MadeReport":
    async with _maker(settings) as maker:
        return await maker.make(wanted)


async def _follow(settings: "Settings", wanted: "Wanted", every: int, as_json: bool) -> None:
    from streams.clients.kafka import Log
    from streams.reports.follow import Follower, alone
    from streams.workers.shell import now_us

    lateness, length = round(settings.monitor.lateness_s * 1e6), every * 1_000_000
    async with _maker(settings) as maker:
        follower = Follower(maker, Log(settings.kafka), wanted, length, lateness, now_us)
        with alone(maker.workspace, wanted.project):
            await follower.run(lambda made: _print(settings, wanted, made, as_json=as_json))


@contextlib.asynccontextmanager
async def _maker(settings: "Settings") -> "AsyncIterator[Maker]":
    from processors.version import IndexSpec
    from streams.clients.kafka import Log
    from streams.clients.triton import TritonEmbedder
    from streams.dashboards.reports import workspace
    from streams.reporting import Reporter
    from streams.reports.make import Maker

    spec = IndexSpec(name=settings.index_version)
    embedder = TritonEmbedder.of(settings.triton, spec, timeout_s=_EMBED_S)
    reporter = Reporter(as_json=False)
    log = Log(settings.kafka)
    try:
        yield Maker(log, embedder, workspace(settings), reporter.say, reporter.progress)
    finally:
        await embedder.close()


def _print(settings: "Settings", wanted: "Wanted", made: "MadeReport", *, as_json: bool) -> None:
    from streams.dashboards.reports import workspace

    path = workspace(settings) / made.project_id / "snapshots" / f"{made.id}.json"
    if as_json:
        found = {"path": str(path), "id": made.id, "project": wanted.project}
        print(json.dumps({**found, "drifted": made.drifted, "compared": made.compared}), flush=True)
        return
    print(f"report {made.id} of {wanted.project}: {path}")
    print(f"{len(made.drifted)} of {made.compared} drifted", flush=True)
    for text in made.drifted:
        print(f"  {text}", flush=True)


def _show(settings: "Settings", made: "MadeReport") -> None:
    """In the browser, by the UI that runs, or one that runs until Ctrl-C."""
    from streams.dashboards import run

    page = f"/projects/{made.project_id}/reports/{made.id}"
    already = run.running(settings)
    if already is None:
        run.run(settings, _say, lambda there: _browse(there[0].url + page), only="reports")
    elif "reports" in already:
        _browse(already["reports"] + page)
    else:
        raise FreshetError("`freshet dashboards` runs without Evidently; `make setup` installs it")


def _browse(url: str) -> None:
    import webbrowser

    _say(url)
    if not webbrowser.open(url):
        _say("no browser could be opened; go there")


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
