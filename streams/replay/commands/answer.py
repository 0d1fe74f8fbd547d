"""`freshet replay answer | answers`: past answers, given again from their receipts."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from processors.replay.reproduction import Difference, Verdict
    from streams.replay.answered import Answered
    from streams.replay.atreach import IndexFrom
    from streams.replay.reproducing import Reproduced
    from streams.replay.source import Source

Chosen = Callable[["Source"], Awaitable["list[Answered]"]]
"""Which answers."""

EXIT: "Mapping[Verdict, int]" = {"reproduced": 0, "different": 1, "explained": 3}

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Index = Annotated[
    str,
    typer.Option(
        help="Where past states of the index come from: log, folded from its changes, or milvus, "
        "as far as limits.horizon_ms reaches back."
    ),
]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command()(answer)
    group.command()(answers)


def answer(
    query_id: Annotated[str, typer.Argument(help="As `ask --json` prints it; QUERY_ID~BRANCH.")],
    index: Index = "log",
    with_model: Annotated[
        bool, typer.Option("--model/--no-model", help="Whether the model answers again, too.")
    ] = True,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Print exactly what the model was asked.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give one answer again from its receipt, and say whether all is as it was.

    Compared are the weights of words, the passages and their order, the prompt, and what the model
    makes of it. Exit code 0: all as it was; 3: not, and it is said why; 1: not, and nothing
    explains it.
    """
    from streams.replay.answered import answer_of

    async def chosen(source: "Source") -> "list[Answered]":
        return [await answer_of(source, query_id)]

    (result,) = asyncio.run(_reproduced(chosen, _index(index), with_model=with_model))
    print(_as_json(result, show_prompt) if as_json else _told(result, show_prompt))
    raise typer.Exit(EXIT[result.reproduction.verdict])


def answers(
    start: Annotated[
        str, typer.Option("--from", help="Given from then on: RFC 3339, or 24h for a day ago.")
    ] = "24h",
    end: Annotated[
        str | None, typer.Option("--to", help="Given before then, likewise; default: now.")
    ] = None,
    index: Index = "log",
    with_model: Annotated[
        bool, typer.Option("--model/--no-model", help="Whether the model answers again, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give all answers of a time again, and count those that are as they were.

    Those whose differences nothing explains are printed, one a line, and then the counts; with
    --json every one is. Exit code 1 where there is such a difference.
    """
    from streams.durations import moment
    from streams.replay.answered import answers_between

    now = time.time_ns() // 1000
    since, until = moment("--from", start, now), now if end is None else moment("--to", end, now)

    async def chosen(source: "Source") -> "list[Answered]":
        found = await answers_between(source, since // 1000, until // 1000)
        if not found:
            raise FreshetError(
                "no answer was given in that time, or retention has removed what was: choose "
                "another by --from and --to"
            )
        return found

    began = time.monotonic()
    results = asyncio.run(_reproduced(chosen, _index(index), with_model=with_model))
    _print_all(results, time.monotonic() - began, as_json=as_json)
    different = any(one.reproduction.verdict == "different" for one in results)
    raise typer.Exit(1 if different else 0)


def _index(name: str) -> "IndexFrom":
    if name not in ("log", "milvus"):
        raise FreshetError(f"--index {name!r}: log or milvus")
    return "log" if name == "log" else "milvus"


async def _reproduced(
    chosen: Chosen, index: "IndexFrom", *, with_model: bool
) -> "Sequence[Reproduced]":
    from streams import config
    from streams.clients.kafka import Log
    from streams.replay.atreach import means_of
    from streams.replay.reproducing import reproduce
    from streams.replay.source import LogSource

    settings = config.load()
    source = LogSource(Log(settings.kafka))
    wanted = await chosen(source)
    async with means_of(settings, source, index, with_model=with_model) as means:
        return await reproduce(wanted, means, _say)


def _say(step: str) -> None:
    print(f"replay: {step}", file=sys.stderr)


def _as_json(result: "Reproduced", show_prompt: bool) -> str:
    import msgspec

    found = msgspec.to_builtins(result.reproduction)
    if show_prompt:
        found["prompt"] = None if result.again is None else result.again.prompt
    return msgspec.json.encode(found).decode()


def _told(result: "Reproduced", show_prompt: bool) -> str:
    found = result.reproduction
    lines = [f"{found.query_id}: {found.verdict}", *map(_line, found.differences)]
    if result.again is not None:
        lines.append(
            f"{len(found.passages)} passages of {found.index_version} as of {found.as_of}, plan "
            f"from {'the receipt' if found.plan_from == 'receipt' else found.plan_from}"
        )
        lines += [f"  {name}" for name in found.passages]
    if found.prompt_sha256 is not None:
        lines.append(f"prompt: sha256 {found.prompt_sha256}")
    if show_prompt and result.again is not None and result.again.prompt is not None:
        lines += ["", result.again.prompt]
    return "\n".join(lines)


def _line(difference: "Difference") -> str:
    why = "" if difference.why is None else f" ({difference.why})"
    return f"{difference.what}{why}: {difference.message}"


def _print_all(results: "Sequence[Reproduced]", seconds: float, *, as_json: bool) -> None:
    import msgspec

    found = [one.reproduction for one in results]
    verdicts = Counter(one.verdict for one in found)
    whys = Counter(
        why for one in found if one.verdict == "explained" for why in _whys(one.differences)
    )
    for one in found:
        if as_json or one.verdict == "different":
            said = "; ".join(map(_line, one.differences))
            print(msgspec.json.encode(one).decode() if as_json else f"{one.query_id}: {said}")
    counts = {verdict: verdicts[verdict] for verdict in EXIT}
    if as_json:
        print(msgspec.json.encode({"answers": len(found), **counts, "why": whys}).decode())
        return
    told = "".join(f", {count} {why}" for why, count in sorted(whys.items()))
    print(
        f"{len(found)} answers in {seconds:.1f} s: {counts['reproduced']} reproduced, "
        f"{counts['explained']} explained{told and f' ({told[2:]})'}, "
        f"{counts['different']} different"
    )


def _whys(differences: "Sequence[Difference]") -> set[str]:
    return {one.why for one in differences if one.why is not None}
