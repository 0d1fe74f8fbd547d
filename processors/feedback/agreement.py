"""Do the judge and people agree? Cohen's kappa, and whether its probabilities are what they say.

All is held as sums of whole numbers, so what is taken back leaves no trace, and the order of
changes, or how they were shared out before `merge`, makes no difference.

Cohen, A Coefficient of Agreement for Nominal Scales, 1960. Reliability curve and expected
calibration error: Guo et al., On Calibration of Modern Neural Networks, 2017.
"""

from collections.abc import Iterable
from typing import Self

import msgspec
from msgspec import Struct

from processors.feedback.join import Joined, Pair

BINS = 10
LEAST_PAIRS = 30
"""With fewer pairs there is no kappa: it would be mostly luck."""

_UNIT = 10_000
"""Probabilities are counted in ten-thousandths."""
_WIDTH = _UNIT // BINS


class Table(Struct, frozen=True):
    """Answers by what the two call them: grounded or not."""

    both: int = 0
    judge_only: int = 0
    """The judge calls it grounded, people do not."""
    people_only: int = 0
    neither: int = 0

    @property
    def pairs(self) -> int:
        """How many answers."""
        return self.both + self.judge_only + self.people_only + self.neither


class Bin(Struct, frozen=True):
    """Answers whose probability lies in (low, high]; the lowest has 0 too."""

    low: float
    high: float
    count: int
    predicted: float | None
    """The mean of their probabilities."""
    observed: float | None
    """The share that people call grounded."""


class Figures(Struct, frozen=True, kw_only=True):
    """The agreement of one judge on one route. None for `judge` or `route`: of all of them."""

    judge: str | None
    route: str | None
    table: Table
    agreed: float | None
    """The share of answers on which the two say the same."""
    kappa: float | None
    """That, less what chance would give: 1 is full agreement, 0 is chance. None with fewer than
    `LEAST_PAIRS`, or where both always say one and the same."""
    brier: float | None
    """The mean squared error of the probabilities."""
    calibration_error: float | None
    """The mean distance of `predicted` from `observed`, weighed by the bins' counts."""
    reliability: tuple[Bin, ...]


class Tally(Struct):
    """Sums of pairs; probabilities in ten-thousandths, errors in their squares."""

    table: list[int]
    """both, judge_only, people_only, neither."""
    count: list[int]
    predicted: list[int]
    observed: list[int]
    squared: int

    @classmethod
    def empty(cls) -> Self:
        """Of no pairs."""
        return cls([0] * 4, [0] * BINS, [0] * BINS, [0] * BINS, 0)

    def count_pair(self, probability: float, judged: bool, people: bool, times: int) -> None:
        """Add a pair, or with `times` -1 take it back."""
        scaled = round(probability * _UNIT)
        at = max(scaled - 1, 0) // _WIDTH
        self.table[2 * (not judged) + (not people)] += times
        self.count[at] += times
        self.predicted[at] += times * scaled
        self.observed[at] += times * people
        self.squared += times * (scaled - people * _UNIT) ** 2

    def add(self, other: "Tally") -> None:
        """Add all that another one counted."""
        for mine, its in (
            (self.table, other.table),
            (self.count, other.count),
            (self.predicted, other.predicted),
            (self.observed, other.observed),
        ):
            mine[:] = [a + b for a, b in zip(mine, its, strict=True)]
        self.squared += other.squared


class Agreement:
    """The pairs that count now, by judge and route."""

    def __init__(self, state: bytes | None = None) -> None:
        """Start anew, or from what `snapshot` gave."""
        kept = [] if state is None else msgspec.msgpack.decode(state, type=_STATE)
        self._tallies = {(judge, route): tally for judge, route, tally in kept}

    def add(self, joined: Joined) -> None:
        """Take one change. Pairs on which the judge could not say anything do not count."""
        for pair, times in ((joined.before, -1), (joined.after, 1)):
            if pair is not None and pair.probability is not None and pair.judged is not None:
                tally = self._tally(pair)
                tally.count_pair(pair.probability, pair.judged, pair.people, times)

    def merge(self, other: "Agreement") -> None:
        """Take over all that another one counted: of other partitions, say."""
        for key, tally in other._tallies.items():
            self._tallies.setdefault(key, Tally.empty()).add(tally)

    def figures(self) -> list[Figures]:
        """Of all; of each judge; of each judge on each route. Nothing for those without pairs."""
        counted = {key: tally for key, tally in self._tallies.items() if any(tally.count)}
        judges = sorted({judge for judge, _ in counted})
        found = [_figures(None, None, counted.values())]
        for judge in judges:
            its = {route: tally for (name, route), tally in counted.items() if name == judge}
            found.append(_figures(judge, None, its.values()))
            found += [_figures(judge, route, (its[route],)) for route in sorted(its)]
        return found

    def snapshot(self) -> bytes:
        """What it remembers."""
        rows = [(*key, self._tallies[key]) for key in sorted(self._tallies)]
        return msgspec.msgpack.encode(rows)

    def _tally(self, pair: Pair) -> Tally:
        return self._tallies.setdefault((pair.judge, pair.route), Tally.empty())


_STATE = list[tuple[str, str, Tally]]


def kappa_of(table: Table) -> float | None:
    """Cohen's kappa; None below `LEAST_PAIRS`, or where chance alone would agree always."""
    pairs = table.pairs
    if pairs < LEAST_PAIRS:
        return None
    judge, people = table.both + table.judge_only, table.both + table.people_only
    by_chance = judge * people + (pairs - judge) * (pairs - people)
    if by_chance == pairs * pairs:
        return None
    return ((table.both + table.neither) * pairs - by_chance) / (pairs * pairs - by_chance)


def _figures(judge: str | None, route: str | None, tallies: Iterable[Tally]) -> Figures:
    total = Tally.empty()
    for tally in tallies:
        total.add(tally)
    table, pairs = Table(*total.table), sum(total.count)
    curve = tuple(_bin(total, at) for at in range(BINS))
    return Figures(
        judge=judge,
        route=route,
        table=table,
        agreed=(table.both + table.neither) / pairs if pairs else None,
        kappa=kappa_of(table),
        brier=total.squared / pairs / _UNIT**2 if pairs else None,
        calibration_error=sum(map(_error, curve)) / pairs if pairs else None,
        reliability=curve,
    )


def _bin(tally: Tally, at: int) -> Bin:
    count = tally.count[at]
    return Bin(
        low=at / BINS,
        high=(at + 1) / BINS,
        count=count,
        predicted=tally.predicted[at] / count / _UNIT if count else None,
        observed=tally.observed[at] / count if count else None,
    )


def _error(one: Bin) -> float:
    if one.predicted is None or one.observed is None:
        return 0.0
    return one.count * abs(one.predicted - one.observed)
