"""Two variants' outcomes of the same questions, side by side, and the slices they fall into."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from processors.evaluation.gold import Gold
from processors.replay.outcome import Outcome
from schemas.times import format_time

ALL = ""
"""The name of the slice that has every question."""
LEAST = 20
"""Questions of a slice that is looked at: below that an interval says next to nothing."""
KINDS = ("tenant", "topic", "document", "day")
MOST_SLICES = 10
"""Of one kind, the largest: each one more widens all intervals."""


class Measured(Struct, frozen=True):
    """An outcome with its figures."""

    outcome: Outcome
    figures: Mapping[str, float]
    gold: Gold | None = None


class Pair(Struct, frozen=True):
    """One question as both answered it."""

    baseline: Measured
    candidate: Measured

    @property
    def query_id(self) -> str:
        """Of the question."""
        return self.baseline.outcome.query_id

    def difference(self, metric: str) -> float | None:
        """The candidate's figure less the baseline's; None where one of them lacks it."""
        one, other = self.baseline.figures.get(metric), self.candidate.figures.get(metric)
        return None if one is None or other is None else other - one


class Paired(Struct, frozen=True, kw_only=True):
    """The questions that both answered, and those that cannot be compared."""

    pairs: list[Pair]
    """By the time they were asked, then by id."""
    only_baseline: list[str]
    """Ids of questions that the other has not."""
    only_candidate: list[str]
    unreplayed: list[str]
    """Ids of those that one of them could not be asked any more."""


def paired(baseline: Iterable[Measured], candidate: Iterable[Measured]) -> Paired:
    """Match outcomes by the ids of their questions."""
    ones = {one.outcome.query_id: one for one in baseline}
    others = {one.outcome.query_id: one for one in candidate}
    common = sorted(ones.keys() & others.keys(), key=lambda name: (_asked(ones[name]), name))
    pairs = [Pair(ones[name], others[name]) for name in common]
    lost = {pair.query_id for pair in pairs if _is_lost(pair)}
    return Paired(
        pairs=[pair for pair in pairs if pair.query_id not in lost],
        only_baseline=sorted(ones.keys() - others.keys()),
        only_candidate=sorted(others.keys() - ones.keys()),
        unreplayed=sorted(lost),
    )


def slices(pairs: Sequence[Pair], least: int = LEAST) -> dict[str, list[int]]:
    """Places of the pairs of each slice that has at least so many; `ALL` first, whatever it has.

    A slice that has all of them is left out: it says nothing new.
    """
    found: dict[str, list[int]] = {ALL: list(range(len(pairs)))}
    for kind in KINDS:
        large = [one for one in by(kind, pairs).items() if len(one[1]) >= least]
        largest = sorted(large, key=lambda one: (-len(one[1]), one[0]))[:MOST_SLICES]
        found.update(one for one in sorted(largest) if len(one[1]) < len(pairs))
    return found


def by(kind: str, pairs: Sequence[Pair]) -> dict[str, list[int]]:
    """Places of the pairs of each slice of one kind, `kind=value`.

    By tenant, topic (the gold question's), document (the gold question's, else what the baseline
    cites) or day; a question about two documents is in both slices.
    """
    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, pair in enumerate(pairs):
        for value in sorted(set(_values(kind, pair))):
            places[f"{kind}={value}"].append(at)
    return dict(places)


def _values(kind: str, pair: Pair) -> Iterator[str]:
    outcome, gold = pair.baseline.outcome, pair.baseline.gold
    if kind == "tenant":
        yield outcome.tenant
    elif kind == "day":
        yield format_time(outcome.asked_at).partition("T")[0]
    elif kind == "topic" and gold is not None and gold.topic:
        yield gold.topic
    elif kind == "document":
        yield from _documents(outcome, gold)


def _documents(outcome: Outcome, gold: Gold | None) -> Iterator[str]:
    if gold is not None and (gold.doc_ids or gold.spans):
        yield from gold.doc_ids
        yield from (span.doc_id for span in gold.spans)
    else:
        yield from (one.doc_id for one in outcome.response.citations)


def _asked(one: Measured) -> int:
    return one.outcome.asked_at


def _is_lost(pair: Pair) -> bool:
    return any(side.outcome.unreplayed is not None for side in (pair.baseline, pair.candidate))
