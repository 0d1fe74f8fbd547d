"""`freshet replay run`: past questions asked again, as they were or otherwise."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from streams.config import Settings
    from streams.replay.cost import Cost
    from streams.replay.gather import Wanted
    from streams.replay.runplan import Request, RunPlan
    from streams.reporting import Reporter

INTERRUPTED = 130


class _Place(NamedTuple):
    """What a command works with."""

    settings: "Settings"
    archive: Path | None
    master: str | None
    reporter: "Reporter"


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(run)


def run(
    start: Annotated[
        str, typer.Option("--from", help="Asked from then on: RFC 3339, or 24h for a day ago.")
    ],
    variant: Annotated[
        list[str], typer.Option(help="A variant's file, or `live`, which changes nothing.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder of the run: a new one, or to go on with.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Asked before then, likewise; default: now.")
    ] = None,
    master: Annotated[
        str | None, typer.Option(help="Spark's: local[2], spark://..; default: spark.master.")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option(help="Read this archive's folder in place of the log.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many questions.")] = None,
    sample: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="This share of the questions.")
    ] = None,
    answers: Annotated[
        bool,
        typer.Option("--answers/--no-answers", help="Whether models answer, or none is asked."),
    ] = True,
    judge: Annotated[
        bool, typer.Option("--judge/--no-judge", help="Whether the judge looks at the answers.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, and do nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask the questions of a time again, of the documents as they stood then, by each variant.

    What was interrupted goes on where it stopped, with the same command. A range with neither end
    in the future comes to the same bytes each time.
    """
    from streams import config
    from streams.replay.runplan import Request
    from streams.replay.variantfile import load
    from streams.reporting import Reporter

    if limit is not None and sample is not None:
        raise FreshetError("--limit and --sample: only one of them can be given")
    settings, reporter = config.load(), Reporter(as_json=as_json)
    request = Request(
        variants=[load(each) for each in variant],
        since=start,
        until=end,
        limit=limit,
        share=sample,
        source="log" if archive is None else str(archive),
        judge=judge and answers,
        answers=answers,
    )
    wanted, place = _wanted(request), _Place(settings, archive, master, reporter)
    if dry_run:
        _print_cost(asyncio.run(_cost(place, request, wanted)), as_json=as_json)
        return
    if out is None:
        raise FreshetError("--out DIR names the folder of the run; only --dry-run needs none")
    try:
        _run(place, request, wanted, out, as_json=as_json)
    except KeyboardInterrupt:
        reporter.say(f"stopped; the same command goes on with {out}")
        raise typer.Exit(INTERRUPTED) from None


def _wanted(request: "Request") -> "Wanted":
    from streams.durations import moment
    from streams.replay.gather import Wanted

    now = time.time_ns() // 1000
    since = moment("--from", request.since, now)
    until = now if request.until is None else moment("--to", request.until, now)
    if until <= since:
        raise FreshetError("--to must be later than --from")
    return Wanted(since=since, until=until, limit=request.limit, share=request.share)


def _run(place: _Place, request: "Request", wanted: "Wanted", out: Path, *, as_json: bool) -> None:
    from streams import lineage
    from streams.replay import runplan
    from streams.replay.job import compute
    from streams.replay.run import alone, begin, finish
    from streams.replay.runfiles import read_run

    with alone(out):
        begun = begin(out, request, wanted)
        if begun is None:
            place.reporter.say(f"{out} holds this run, finished")
            return _print_run(read_run(out), out, as_json=as_json)
        plan = runplan.load(out)
        if plan is None:
            plan = asyncio.run(_prepared(place, request, begun, out))
        job = lineage.replaying(out, plan.read, place.settings.kafka.bootstrap)
        with lineage.told(job, place.settings.state_dir):
            with place.reporter.place("replaying") as moved:
                compute(place.settings, out, plan, place.master, moved)
            described = finish(out, plan)
    return _print_run(described, out, as_json=as_json)


async def _prepared(place: _Place, request: "Request", wanted: "Wanted", out: Path) -> "RunPlan":
    from streams.replay.live import means
    from streams.replay.prepare import prepare

    async with means(place.settings, place.archive, place.master, place.reporter.say) as at_hand:
        return await prepare(at_hand, request, wanted, out)


async def _cost(place: _Place, request: "Request", wanted: "Wanted") -> "Cost":
    from streams.replay.cost import cost_of
    from streams.replay.live import means

    async with means(place.settings, place.archive, place.master, place.reporter.say) as at_hand:
        return await cost_of(at_hand, request, wanted)


def _print_run(described: dict[str, Any], out: Path, *, as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(described))
        return
    print(f"{described['questions']} questions from {described['from']} to {described['to']}")
    for variant in described["variants"]:
        statuses = ", ".join(f"{n} {status}" for status, n in sorted(variant["statuses"].items()))
        lost = sum(variant["unreplayed"].values())
        gone = f", {lost} cannot be replayed" if lost else ""
        print(f"{variant['name']}: {statuses or 'nothing'}{gone}")
    if bad := sum(described["bad_records"].values()):
        print(f"{bad} records could not be read and were passed over")
    print(f"in {out}")


def _print_cost(cost: "Cost", *, as_json: bool) -> None:
    import msgspec

    if as_json:
        print(msgspec.json.encode(cost).decode())
        return
    print(f"{cost.questions} questions, {cost.questions_to_embed} of them to embed")
    for one in cost.variants:
        units = f"{one.units_to_embed} units to embed (about {one.tokens_to_embed} tokens)"
        made = f"{units} for {', '.join(one.indexes)}, " if one.indexes else ""
        tokens = f"about {one.input_tokens} tokens in and {one.output_tokens} out"
        usd = "a price that nobody says" if one.usd is None else f"{one.usd:.2f} US dollars"
        asked = f"{one.model_calls} answers, {tokens}, for {usd}" if one.model_calls else "no model"
        print(f"{one.variant}: {made}{asked}")
