"""A comparison as one HTML page that loads nothing and runs nothing."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from processors.evaluation.compare import Change
from processors.evaluation.metrics import metric_named
from processors.evaluation.pairs import ALL, Measured, Pair, by
from processors.evaluation.worst import Regression
from processors.overlap import Span, matched
from processors.replay.outcome import FoundPassage, Outcome
from schemas.times import format_time
from streams.replay.evaluating import Evaluated
from streams.replay.reporting.plots import Bar, forest
from streams.replay.reporting.template import PAGE

_RELATIVE = ("cost", "latency")
"""Families whose figures have units: their differences are drawn as shares of the baseline."""
_WORDS = 400
"""Of an answer whose words are compared: it takes the square of that."""


def page(found: Evaluated, *, evidently: bool) -> str:
    """The page; `evidently`: whether Evidently's report lies beside it."""
    both, made = found.paired, found.comparison
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(PAGE).render(
        baseline=str(found.baseline),
        candidate=str(found.candidate),
        questions=len(both.pairs),
        gold=found.gold,
        left_out=len(both.only_baseline) + len(both.only_candidate),
        unreplayed=len(both.unreplayed),
        confidence=f"{made.confidence:.0%}",
        evidently=evidently,
        overall=[_row(one, both.pairs) for one in made.overall],
        sliced=[_row(one, both.pairs) for one in made.sliced],
        plots=list(_plots(found)),
        classes=list(_classes(found)),
        latency=[
            {
                "side": side,
                "names": list(one),
                "figures": [f"{value:.3f}" for value in one.values()],
            }
            for side, one in found.latency_s.items()
        ],
        worst=[_example(one) for one in found.worst],
    )


def words_apart(one: str, other: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Two texts, each in runs of words that are `same`, and `gone` or `new`; runs join to the text.

    Of texts beyond some hundred words all that follows is taken for changed.
    """
    ones, others = _words(one), _words(other)
    matcher = SequenceMatcher(None, ones, others, autojunk=False)
    left: list[tuple[str, str]] = []
    right: list[tuple[str, str]] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        same = kind == "equal"
        left.append(("same" if same else "gone", "".join(ones[a:b])))
        right.append(("same" if same else "new", "".join(others[c:d])))
    return [run for run in left if run[1]], [run for run in right if run[1]]


def _words(text: str) -> list[str]:
    words = [part for word in text.split(" ") for part in (word, " ")][:-1]
    return [*words[: 2 * _WORDS], "".join(words[2 * _WORDS :])]


def _row(change: Change, pairs: Sequence[Pair]) -> dict[str, Any]:
    metric = metric_named(change.metric)
    assert metric is not None
    places = range(len(pairs)) if change.slice == ALL else _places(change.slice, pairs)
    sign = 1 if metric.better == "more" else -1
    gains = [sign * one for at in places if (one := pairs[at].difference(metric.name)) is not None]
    return {
        "slice": change.slice,
        "metric": change.metric,
        "says": metric.says,
        "baseline": f"{change.baseline:.4g}",
        "candidate": f"{change.candidate:.4g}",
        "difference": f"{change.difference.value:+.4g}",
        "interval": f"{change.corrected.low:+.4g} to {change.corrected.high:+.4g}",
        "p": f"{change.holm:.2g}",
        "q": f"{change.bh:.2g}",
        "questions": change.questions,
        "won": sum(one > 0 for one in gains),
        "same": sum(one == 0 for one in gains),
        "lost": sum(one < 0 for one in gains),
        "verdict": change.verdict,
    }


def _places(name: str, pairs: Sequence[Pair]) -> list[int]:
    return by(name.partition("=")[0], pairs)[name]


def _plots(found: Evaluated) -> Iterator[dict[str, Any]]:
    overall, sliced = found.comparison.overall, found.comparison.sliced
    clear = [one for one in sliced if one.verdict != "unclear"]
    for title, changes, relative in (
        ("Differences", [one for one in overall if not _has_unit(one)], False),
        ("Cost and latency", [one for one in overall if _has_unit(one)], True),
        ("Slices that differ", [one for one in clear if not _has_unit(one)], False),
    ):
        bars = [bar for one in changes if (bar := _bar(one, relative=relative)) is not None]
        if bars:
            # `forest` escapes what it is given.
            svg = Markup(forest(bars, "%" if relative else ""))  # noqa: S704
            yield {"title": title, "svg": svg}


def _has_unit(change: Change) -> bool:
    metric = metric_named(change.metric)
    return metric is not None and metric.family in _RELATIVE


def _bar(change: Change, *, relative: bool) -> Bar | None:
    if relative and not change.baseline:
        return None
    unit = change.baseline / 100 if relative else 1.0
    label = f"{change.slice} {change.metric}".strip()
    value, corrected = change.difference.value, change.corrected
    return Bar(label, value / unit, corrected.low / unit, corrected.high / unit, change.verdict)


def _classes(found: Evaluated) -> Iterator[dict[str, Any]]:
    for side, one in found.classes.items():
        rows = [
            {
                "label": figures.label,
                "counts": counts,
                "precision": f"{figures.precision:.3f}",
                "recall": f"{figures.recall:.3f}",
                "f1": f"{figures.f1:.3f}",
            }
            for figures, counts in zip(one.by_class, one.confusion, strict=True)
        ]
        yield {
            "side": side,
            "labels": one.labels,
            "rows": rows,
            "accuracy": f"{one.accuracy:.3f}",
            "macro_f1": f"{one.macro_f1:.3f}",
        }


def _example(one: Regression) -> dict[str, Any]:
    pair = one.pair
    baseline, candidate = pair.baseline.outcome, pair.candidate.outcome
    gone, new = words_apart(baseline.response.answer, candidate.response.answer)
    gold = pair.baseline.gold
    return {
        "query_id": pair.query_id,
        "question": baseline.question,
        "tenant": baseline.tenant,
        "asked_at": format_time(baseline.asked_at),
        "metric": one.metric,
        "drop": f"{one.drop:.3g}",
        "answers": " | ".join(gold.answers) if gold else "",
        "sides": [
            _side("baseline", pair.baseline, gone, candidate.passages),
            _side("candidate", pair.candidate, new, baseline.passages),
        ],
    }


def _side(
    name: str, side: Measured, words: Sequence[tuple[str, str]], others: Sequence[FoundPassage]
) -> dict[str, Any]:
    outcome = side.outcome
    response, receipt = outcome.response, outcome.response.receipt
    shared = {at for at, _ in matched(_spans(outcome.passages), _spans(others))}
    return {
        "name": name,
        "status": response.status,
        "tokens": response.usage.input_tokens + response.usage.output_tokens,
        "receipt": f"{receipt.prompt}, {receipt.model}, {receipt.index_version}" if receipt else "",
        "words": words,
        "figures": ", ".join(f"{key} {value:.3g}" for key, value in sorted(side.figures.items())),
        "passages": [
            {
                "name": one.doc_id,
                "place": f"{one.start}-{one.end}",
                "score": f"{one.score:.3f}",
                "shared": at in shared,
                "text": one.text,
            }
            for at, one in enumerate(outcome.passages)
        ],
        "claims": list(_claims(outcome)),
    }


def _claims(outcome: Outcome) -> Iterator[dict[str, str]]:
    if outcome.evaluation is not None:
        answer = outcome.response.answer
        for claim in outcome.evaluation.claims:
            yield {"verdict": claim.verdict, "text": answer[claim.start : claim.end]}


def _spans(passages: Sequence[FoundPassage]) -> list[Span]:
    return [Span(one.doc_id, one.start, one.end) for one in passages]
