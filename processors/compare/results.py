"""The branches of a route beside each other.

Each is compared with the first branch: one whose answers are shown by what its own questions came
to, a shadow by the very questions that the first branch answered. The intervals of all differences
together hold with the level that is asked for; so whoever looks for something among many figures
finds no more by chance than who looks at one. They hold for one look, not for looking until
something shows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from processors.compare import intervals
from processors.compare.figures import FIGURES, QUANTILES, Answer, Figure
from processors.compare.intervals import Interval
from processors.compare.sample import Sample
from processors.overlap import Span, overlap, rank_agreement

LEVEL = 0.95

Verdict = Literal["better", "worse", "unclear"]


class Measured(Struct, frozen=True, kw_only=True):
    """A figure of a branch."""

    figure: str
    count: int
    """Answers that it is of."""
    interval: Interval


class Difference(Struct, frozen=True, kw_only=True):
    """How much more a figure is than the first branch's."""

    figure: str
    count: int
    """Answers of the branch, or pairs, that it is of."""
    paired: bool
    interval: Interval
    verdict: Verdict


class Retrieval(Struct, frozen=True, kw_only=True):
    """How alike a shadow's passages are to those of the answers that were shown, by their ids: what
    two index versions cut differently is not the same here."""

    pairs: int
    overlap: Interval
    """The share of passages that the other one has, too."""
    rank_agreement: Interval
    """And whether in the same order, what stands on top counting most."""


class BranchResults(Struct, frozen=True, kw_only=True):
    """One branch."""

    name: str
    is_shadow: bool
    answers: int
    units: int
    """Sessions, or whatever else its questions stuck to."""
    ways: dict[str, int]
    """Prompt, model and index version that answered, with how many they did: more than one where
    an alias was moved meanwhile."""
    figures: list[Measured]
    differences: list[Difference]
    retrieval: Retrieval | None


class Results(Struct, frozen=True, kw_only=True):
    """All of them, the first branch first."""

    route: str
    first: str
    level: float
    """Of each figure's interval, and of all the differences' together."""
    comparisons: int
    """How many differences share it."""
    branches: list[BranchResults]


def results(
    route: str, branches: Sequence[str], answers: Iterable[Answer], level: float = LEVEL
) -> Results:
    """The results of a route whose branches are these, in its order; others come behind them.

    A branch that has been both, a shadow and not, comes twice.
    """
    by_branch: dict[tuple[str, bool], list[Answer]] = {}
    for answer in answers:
        by_branch.setdefault((answer.branch, answer.shadow_of is not None), []).append(answer)
    order = {name: place for place, name in enumerate(branches)}
    keys = sorted(by_branch, key=lambda key: (order.get(key[0], len(order)), key))
    first = next(iter(branches), keys[0][0] if keys else "")
    shown = by_branch.get((first, False), [])
    others = [key for key in keys if key != (first, False)]
    comparisons = sum(len(_differences(by_branch[key], shown, key[1], level)) for key in others)
    shared = intervals.shared_out(level, comparisons)
    return Results(
        route=route,
        first=first,
        level=level,
        comparisons=comparisons,
        branches=[
            _branch(key, by_branch[key], shown if key in others else [], level, shared)
            for key in keys
        ],
    )


def _branch(
    key: tuple[str, bool], mine: list[Answer], shown: list[Answer], level: float, shared: float
) -> BranchResults:
    name, is_shadow = key
    return BranchResults(
        name=name,
        is_shadow=is_shadow,
        answers=len(mine),
        units=len({answer.unit for answer in mine}),
        ways=dict(sorted(Counter(answer.way for answer in mine if answer.way).items())),
        figures=[
            Measured(figure=one.name, count=sample.count, interval=_interval(one, sample, level))
            for one in FIGURES
            if (sample := _sample(one, mine)).count and (one.of_shadows or not is_shadow)
        ],
        differences=_differences(mine, shown, is_shadow, shared),
        retrieval=_retrieval(_pairs(mine, shown), level),
    )


def _differences(
    mine: list[Answer], shown: list[Answer], is_shadow: bool, level: float
) -> list[Difference]:
    if is_shadow:
        pairs = _pairs(mine, shown)
        found = (_together(one, pairs, level) for one in FIGURES if one.of_shadows)
    else:
        found = (_apart(one, mine, shown, level) for one in FIGURES)
    return [difference for difference in found if difference is not None]


def _apart(
    figure: Figure, mine: Sequence[Answer], shown: Sequence[Answer], level: float
) -> Difference | None:
    """Of different questions. Of the same ones it is careful: what they have in common is not
    taken into account."""
    one, other = _sample(figure, mine), _sample(figure, shown)
    if not one.count or not other.count:
        return None
    if figure.kind == "mean":
        interval = intervals.difference_of_means(one, other, level)
    else:
        interval = intervals.difference(
            _interval(figure, one, level), _interval(figure, other, level)
        )
    return _told(figure, one.count, interval, paired=False)


def _together(
    figure: Figure, pairs: Sequence[tuple[Answer, Answer]], level: float
) -> Difference | None:
    """Of the same questions."""
    if figure.kind in QUANTILES:
        return _apart(figure, [one for one, _ in pairs], [other for _, other in pairs], level)
    found = Sample.of(
        (one.unit, mine - shown)
        for one, other in pairs
        if (mine := figure.of(one)) is not None and (shown := figure.of(other)) is not None
    )
    if not found.count:
        return None
    paired = intervals.paired_shares if figure.kind == "share" else intervals.paired_means
    return _told(figure, found.count, paired(found, level), paired=True)


def _told(figure: Figure, count: int, interval: Interval, *, paired: bool) -> Difference:
    verdict: Verdict = "unclear"
    low, high = interval.low, interval.high
    if low is not None and high is not None and (low > 0 or high < 0):
        verdict = "better" if (low > 0) == (figure.better == "more") else "worse"
    return Difference(
        figure=figure.name, count=count, paired=paired, interval=interval, verdict=verdict
    )


def _retrieval(pairs: Sequence[tuple[Answer, Answer]], level: float) -> Retrieval | None:
    """Of the questions that both looked something up for."""
    found = [(one, other) for one, other in pairs if one.way and other.way]
    if not found:
        return None
    alike = (
        intervals.mean(
            Sample.of(
                (one.unit, measure(_spans(one.passages), _spans(other.passages)))
                for one, other in found
            ),
            level,
        )
        for measure in (overlap, rank_agreement)
    )
    return Retrieval(pairs=len(found), overlap=next(alike), rank_agreement=next(alike))


def _spans(passages: Sequence[str]) -> list[Span]:
    """Passages as wholes: a receipt does not say where they stand. Of a name
    `passage_id@version` the version does not count, for another index gives its own."""
    return [Span(name.rpartition("@")[0], 0, 1) for name in passages]


def _pairs(mine: Sequence[Answer], shown: Sequence[Answer]) -> list[tuple[Answer, Answer]]:
    """A shadow's answers, each with the one that was shown."""
    known: Mapping[str, Answer] = {answer.query_id: answer for answer in shown}
    return [
        (answer, known[answer.shadow_of])
        for answer in mine
        if answer.shadow_of is not None and answer.shadow_of in known
    ]


def _sample(figure: Figure, answers: Iterable[Answer]) -> Sample:
    return Sample.of(
        (answer.unit, float(value))
        for answer in answers
        if (value := figure.of(answer)) is not None
    )


def _interval(figure: Figure, sample: Sample, level: float) -> Interval:
    if figure.kind == "share":
        return intervals.share(sample, level)
    if figure.kind == "mean":
        return intervals.mean(sample, level)
    return intervals.quantile(sample, QUANTILES[figure.kind], level)
