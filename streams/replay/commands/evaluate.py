"""`freshet replay compare | gate`: which variant is better, and may it be shipped."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from processors.evaluation.gate import Rules
    from processors.evaluation.pairs import Measured, Paired
    from streams.replay.evaluating import Evaluated, Wishes
    from streams.replay.sides import Side

WORSE = 3
"""The exit code of a gate that does not open."""
_EMBED_S = 20.0

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A folder `freshet replay run` made.")]
Baseline = Annotated[
    str | None, typer.Option(metavar="V", help="A variant, or OTHER_RUN:VARIANT; default: first.")
]
Candidate = Annotated[
    str | None, typer.Option(metavar="W", help="Likewise; default: the other one, of two.")
]
GoldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--gold",
        metavar="SOURCE",
        help="Good answers: a JSONL file, a folder of `feedback export`, or RUN:VARIANT; "
        "repeatable.",
    ),
]
Ks = Annotated[
    list[int] | None,
    typer.Option("--at", min=1, max=999, help="Passages that retrieval is measured at: 1 and 5."),
]
Embed = Annotated[
    bool, typer.Option("--embed", help="Compare meanings, too, by the embedder in Triton.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for command in (compare, gate):
        group.command()(command)


def compare(
    run: Run,
    baseline: Baseline = None,
    candidate: Candidate = None,
    gold: GoldOption = None,
    at: Ks = None,
    by: Annotated[
        str | None, typer.Option(metavar="METRIC", help="What the worst regressions go by.")
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="Of the intervals, all together.")
    ] = 0.95,
    least: Annotated[int, typer.Option(min=2, help="Questions of a slice to look at.")] = 20,
    examples: Annotated[int, typer.Option(min=0, help="Of the worst regressions.")] = 3,
    all_slices: Annotated[bool, typer.Option("--slices", help="Print every slice.")] = False,
    embed: Embed = False,
    as_json: AsJson = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, as a pull request takes it.")
    ] = False,
) -> None:
    """Compare two variants on the questions that both answered."""
    from streams.replay import evaltables
    from streams.replay.evaluating import Wishes, plain
    from streams.replay.sides import two

    if as_json and as_markdown:
        raise FreshetError("--json or --markdown, not both")
    wishes = Wishes(confidence=confidence, least=least, by=by, most=max(examples, 20), ks=ks(at))
    found = evaluate(two(str(run), baseline, candidate), gold or [], wishes, embed=embed)
    if as_json:
        shown = plain(found)
        print(json.dumps({**shown, "worst": list(shown["worst"])[:examples]}))  # type: ignore[call-overload]
    elif as_markdown:
        print(evaltables.markdown(found, examples), end="")
    else:
        print(evaltables.text(found, examples, all_slices=all_slices))


def gate(
    baseline: Annotated[str, typer.Argument(metavar="BASELINE", help="RUN or RUN:VARIANT.")],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="RUN or RUN:VARIANT.")],
    rules: Annotated[Path, typer.Option(metavar="FILE", help="YAML: how much worse it may be.")],
    gold: GoldOption = None,
    common: Annotated[
        bool, typer.Option("--common", help="Leave out questions that only one of them has.")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a summary for a pull request.")
    ] = None,
    embed: Embed = False,
    as_json: AsJson = False,
) -> None:
    """Exit with 0 if the candidate may be shipped, with 3 if it is worse than the rules allow.

    With 1 where that cannot be told: rules that make no sense, too few questions, other questions.
    """
    import msgspec

    from processors.evaluation.gate import InvalidRules, judge
    from processors.evaluation.pairs import paired
    from streams.replay import evaltables
    from streams.replay.sides import side

    wanted = _rules(rules)
    sides = side(baseline), side(candidate)
    both = paired(*_measured(sides, gold or [], _ks_of(wanted), embed=embed))
    _check_same(both, common=common)
    try:
        found = judge(wanted, both.pairs)
    except InvalidRules as error:
        raise FreshetError(f"{rules}: {error}") from None
    if markdown is not None:
        summary = evaltables.gate_markdown(found, both, *map(str, sides))
        markdown.write_text(summary, errors="replace")
    holds = all(one.holds for one in found)
    if as_json:
        print(json.dumps({"holds": holds, "findings": msgspec.to_builtins(found)}))
    else:
        print(evaltables.findings(found))
    raise typer.Exit(0 if holds else WORSE)


def evaluate(
    sides: "tuple[Side, Side]", gold: Sequence[str], wishes: "Wishes", *, embed: bool
) -> "Evaluated":
    """Read both sides, and compare them."""
    from streams.replay.evaluating import evaluated

    found = evaluated(sides, *_measured(sides, gold, wishes.ks, embed=embed), wishes)
    if gold and not found.gold:
        raise FreshetError("no gold question is one of the run's: --gold is about other questions")
    return found


def _measured(
    sides: "tuple[Side, Side]", gold: Sequence[str], ks: Sequence[int], *, embed: bool
) -> "tuple[list[Measured], list[Measured]]":
    from streams.replay.sides import golds_of, read

    golds = golds_of(gold)
    one, other = (read(side, golds, ks) for side in sides)
    if not embed:
        return one, other
    if golds is None:
        raise FreshetError("--embed compares with good answers: give --gold too")
    return asyncio.run(_embedded(one, other))


async def _embedded(
    one: "list[Measured]", other: "list[Measured]"
) -> "tuple[list[Measured], list[Measured]]":
    from processors.version import IndexSpec
    from streams import config
    from streams.clients.triton import TritonEmbedder
    from streams.replay.sides import embedded

    settings = config.load()
    spec = IndexSpec(name=settings.index_version)
    embedder = TritonEmbedder.of(settings.triton, spec, timeout_s=_EMBED_S)
    try:
        return await embedded(one, embedder), await embedded(other, embedder)
    finally:
        await embedder.close()


def ks(at: list[int] | None) -> Sequence[int]:
    """At how many passages retrieval is measured, by the option."""
    from processors.evaluation.metrics import KS

    return at or KS


def _ks_of(rules: "Rules") -> list[int]:
    found = {int(rule.metric.partition("@")[2]) for rule in rules.rules if "@" in rule.metric}
    return sorted(found) or [1]


def _rules(path: Path) -> "Rules":
    import yaml

    from processors.evaluation.gate import InvalidRules, parse

    try:
        return parse(yaml.safe_load(path.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, InvalidRules) as error:
        raise FreshetError(f"{path}: {error}") from None


def _check_same(both: "Paired", *, common: bool) -> None:
    if not both.pairs:
        raise FreshetError("the two share no question that could be asked: replay the same range")
    left = len(both.only_baseline) + len(both.only_candidate)
    if left and not common:
        name = (both.only_baseline + both.only_candidate)[0]
        raise FreshetError(
            f"the two were asked different questions: {len(both.only_baseline)} only the baseline, "
            f"{len(both.only_candidate)} only the candidate, such as {name}; replay the same "
            "range, or leave them out with --common"
        )
    if left or both.unreplayed:
        print(
            f"left out: {left} questions of one side, {len(both.unreplayed)} that could not be "
            "asked any more",
            file=sys.stderr,
        )
