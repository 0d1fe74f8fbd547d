"""`freshet replay parity`: does the log, replayed, say what was said online?"""

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from processors.replay.parity import Parity
    from streams.config import Settings
    from streams.replay.parity import Range


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(parity)


def parity(
    since: Annotated[
        str, typer.Option("--from", help="RFC 3339, an index time, or so long ago: 90m, 24h.")
    ] = "0",
    until: Annotated[str | None, typer.Option("--to", help="Likewise; default: now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Run the live search, judge, monitor and token ledger over the log once more, and compare.

    Exit code 1 on any difference: each is told with where it is and what is known of why.
    """
    import msgspec

    from streams import config
    from streams.quotaoptions import moment_of
    from streams.replay.parity import Range

    now = time.time_ns() // 1000
    start = moment_of("--from", since, now)
    end = now if until is None else moment_of("--to", until, now)
    found = asyncio.run(_compared(config.load(), Range(start, end), now))
    print(msgspec.json.encode(found).decode() if as_json else _shown(found))
    raise typer.Exit(1 if found.differences else 0)


async def _compared(settings: "Settings", within: "Range", now: int) -> "Parity":
    from processors.builtin import built_in
    from processors.judge.scores import Price
    from processors.version import spec_of
    from streams.clients.judging import TritonJudge
    from streams.clients.kafka import Log
    from streams.clients.triton import TritonEmbedder
    from streams.control import read_control
    from streams.replay.atreach import means_of
    from streams.replay.parity import Live, parity
    from streams.replay.parity_evaluations import Judging
    from streams.replay.parity_retrieval import Retrieving
    from streams.replay.source import LogSource
    from streams.versions.known import kept_in_step
    from streams.workers.watching import monitor_spec, monitor_worker

    log, spec = Log(settings.kafka), monitor_spec(settings)
    control = await read_control(log, built_in(settings.triton.reader))
    version = kept_in_step(control, settings.index_version)
    judge = TritonJudge(settings.triton.grpc, settings.triton.judge)
    embedder = TritonEmbedder.of(settings.triton, spec_of(version))
    prices = {name: Price(input=one[0], output=one[1]) for name, one in settings.prices.items()}
    live = Live(
        lambda past, store: monitor_worker(settings, past, store, embedder, version, lambda: now),
        behind_us=spec.window + spec.lateness,
    )
    source = LogSource(log)
    retrieving = Retrieving(source, lambda: means_of(settings, source, "log", with_model=False))
    try:
        # A worker waits for its model for as long as it takes; who looks at a screen does not.
        await judge.judge(["Ready?"], ["Ready."], [[True]])
        await embedder.embed(["Ready?"])
        judging = Judging(judge, prices)
        return await parity(log, judging, retrieving, live, within, now=now, say=_say)
    finally:
        await judge.close()
        await embedder.close()


def _say(step: str) -> None:
    print(f"parity: {step}", file=sys.stderr)


def _shown(found: "Parity") -> str:
    lines = []
    for one in found.found:
        why = f" ({one.why})" if one.why else ""
        lines.append(f"{one.what} {one.where}: {one.message}{why}")
    if (left := found.differences - len(found.found)) > 0:
        lines.append(f"and {left} more")
    for what, part in found.parts.items():
        counts = f"{part.compared} compared, {part.differences} differ"
        waiting = f", {part.waiting} still to come online" if part.waiting else ""
        unknown = f", {part.unknown} not to be decided" if part.unknown else ""
        lines.append(f"{what}: {counts}{waiting}{unknown}")
    return "\n".join(lines)
