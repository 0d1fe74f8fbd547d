"""A comparison and a gate's findings as text to read and as Markdown for a pull request."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from processors.evaluation.compare import Change
from processors.evaluation.gate import Finding
from processors.evaluation.pairs import Paired
from processors.evaluation.worst import Regression
from processors.replay.outcome import Outcome
from streams.replay.evaluating import Evaluated

_SHOWN = 400
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")
_MENTION = re.compile(r"(?<!\w)@")


def text(found: Evaluated, examples: int, *, all_slices: bool) -> str:
    """Lines for a terminal. Of slices only those that differ, unless all are asked for."""
    lines = [*_head(found), ""]
    width = max((len(one.metric) for one in found.comparison.overall), default=0)
    lines += [_row(one, width) for one in found.comparison.overall]
    lines += _slices(found, all_slices=all_slices)
    for side, classes in found.classes.items():
        lines.append(f"\n{side}: accuracy {classes.accuracy:.3f}, macro F1 {classes.macro_f1:.3f}")
        lines += [
            f"  {one.label}: precision {one.precision:.3f}, recall {one.recall:.3f}, "
            f"F1 {one.f1:.3f}, of {one.questions}"
            for one in classes.by_class
        ]
    for side, quantiles in found.latency_s.items():
        shown = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in quantiles.items())
        lines.append(f"\n{side}: latency {shown}")
    for one in found.worst[:examples]:
        lines += _example(one)
    return "\n".join(lines)


def markdown(found: Evaluated, examples: int) -> str:
    """The same for a pull request."""
    parts = ["### Replay: " + " ".join(map(_escaped, _head(found))), ""]
    parts += _table(found.comparison.overall)
    clear = [one for one in found.comparison.sliced if one.verdict != "unclear"]
    if clear:
        parts += ["", "Slices that differ:", "", *_table(clear, sliced=True)]
    for one in found.worst[:examples]:
        parts += ["", *_details(one)]
    return "\n".join(parts) + "\n"


def findings(found: Sequence[Finding]) -> str:
    """What a gate found, for a terminal: what fails first."""
    ordered = sorted(found, key=lambda one: one.holds)
    return "\n".join(
        f"{'holds' if one.holds else 'FAILS'}  {_where(one.metric, one.slice)}: {one.bound}; "
        f"{one.baseline:.4g} -> {one.candidate:.4g}, measured {one.measured.value:.4g} "
        f"[{one.measured.low:.4g}, {one.measured.high:.4g}], of {one.questions}; {one.why}"
        for one in ordered
    )


def gate_markdown(found: Sequence[Finding], both: Paired, baseline: str, candidate: str) -> str:
    """What a gate found, for a pull request."""
    failed = sum(not one.holds for one in found)
    verdict = f"{failed} of {len(found)} rules fail" if failed else f"all {len(found)} rules hold"
    lines = [
        f"### Replay gate: {verdict}",
        "",
        f"{_escaped(candidate)} against {_escaped(baseline)}: {len(both.pairs)} questions, "
        f"{left_out(both)} left out.",
        "",
        "| | rule | baseline | candidate | measured | questions | |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in sorted(found, key=lambda one: one.holds):
        measured = f"{one.measured.value:.4g} [{one.measured.low:.4g}, {one.measured.high:.4g}]"
        rule = f"{_escaped(_where(one.metric, one.slice))}: {_escaped(one.bound)}"
        lines.append(
            f"| {'holds' if one.holds else '**fails**'} | {rule} | {one.baseline:.4g} | "
            f"{one.candidate:.4g} | {measured} | {one.questions} | {one.why} |"
        )
    return "\n".join(lines) + "\n"


def left_out(both: Paired) -> int:
    """Questions that only one side has, or that could not be asked any more."""
    return len(both.only_baseline) + len(both.only_candidate) + len(both.unreplayed)


def said(outcome: Outcome) -> str:
    """What an outcome says, in one line."""
    response = outcome.response
    told = line(response.answer) or "-"
    return told if response.status == "answered" else f"({response.status}) {told}"


def line(text: str) -> str:
    """A text in one line; what would steer a terminal is shown as `?`."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))


def _head(found: Evaluated) -> Iterator[str]:
    both, made = found.paired, found.comparison
    yield f"{found.candidate} against {found.baseline}: {len(both.pairs)} questions,"
    yield f"{found.gold} of them with a gold question;"
    yield f"the {len(made.overall)} intervals hold at {made.confidence:.0%} together."
    left = len(both.only_baseline) + len(both.only_candidate)
    if left:
        yield f"{left} questions that only one of them has are left out."
    if both.unreplayed:
        yield f"{len(both.unreplayed)} that could not be asked any more are left out."


def _slices(found: Evaluated, *, all_slices: bool) -> Iterator[str]:
    made = found.comparison.sliced
    shown = [one for one in made if all_slices or one.verdict != "unclear"]
    if made:
        count = len({one.slice for one in made})
        yield f"\n{count} slices, {len(made)} figures, {len(shown)} shown"
    width = max((len(_where(one.metric, one.slice)) for one in shown), default=0)
    yield from (_row(one, width) for one in shown)


def _row(one: Change, width: int) -> str:
    low, high = one.corrected.low, one.corrected.high
    name = _where(one.metric, one.slice)
    verdict = "" if one.verdict == "unclear" else f"  {one.verdict} (p {one.holm:.2g})"
    return (
        f"  {name:<{width}}  {one.baseline:>9.4g}  {one.candidate:>9.4g}  "
        f"{one.difference.value:>+9.4g}  [{low:+.4g}, {high:+.4g}]  of {one.questions}{verdict}"
    )


def _example(one: Regression) -> Iterator[str]:
    pair = one.pair
    question = line(pair.baseline.outcome.question)
    yield f"\n{pair.query_id}: {one.metric} worse by {one.drop:.3g}: {question}"
    yield f"  baseline:  {said(pair.baseline.outcome)[:_SHOWN]}"
    yield f"  candidate: {said(pair.candidate.outcome)[:_SHOWN]}"


def _table(changes: Sequence[Change], *, sliced: bool = False) -> Iterator[str]:
    yield f"| {'slice and ' if sliced else ''}metric | baseline | candidate | difference | n | |"
    yield "|---|---|---|---|---|---|"
    for one in changes:
        verdict = "" if one.verdict == "unclear" else f"**{one.verdict}** (p {one.holm:.2g})"
        yield (
            f"| {_escaped(_where(one.metric, one.slice))} | {one.baseline:.4g} | "
            f"{one.candidate:.4g} | {one.difference.value:+.4g} "
            f"[{one.corrected.low:+.4g}, {one.corrected.high:+.4g}] | {one.questions} | "
            f"{verdict} |"
        )


def _details(one: Regression) -> Iterator[str]:
    pair = one.pair
    question = _unmentioned(escape(line(pair.baseline.outcome.question)[:_SHOWN]))
    yield f"<details><summary>{one.metric} worse by {one.drop:.3g}: {question}</summary>"
    yield ""
    yield f"- baseline: {_escaped(said(pair.baseline.outcome)[:_SHOWN])}"
    yield f"- candidate: {_escaped(said(pair.candidate.outcome)[:_SHOWN])}"
    yield ""
    yield "</details>"


def _where(metric: str, slice_: str) -> str:
    return f"{slice_} {metric}" if slice_ else metric


def _escaped(text: str) -> str:
    """Words that no Markdown takes for anything else: answers come from anybody's documents."""
    return _unmentioned(_SPECIAL.sub(r"\\\1", line(text)).replace("\\<", "&lt;"))


def _unmentioned(text: str) -> str:
    """Without calling anybody whose name an `@` stands before."""
    return _MENTION.sub("@<!-- -->", text)
