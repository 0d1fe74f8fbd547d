"""Passages ranked by what their units mean and by the words they hold.

A passage's dense score is that of its best unit. Each list of scores is standardised over the
candidates (z = (score - mean) / standard deviation), so that neither scale outweighs the other,
and the two are added with the weights of the specification.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Annotated

from msgspec import Meta, Struct


class UnitHit(Struct, frozen=True, gc=False):
    """A unit that a dense search found; a higher score is better."""

    unit_id: str
    passage_id: str
    score: float


class PassageHit(Struct, frozen=True, gc=False):
    """A passage that a lexical search found; a higher score is better."""

    passage_id: str
    score: float


class RankedPassage(Struct, frozen=True, gc=False):
    """A passage with its fused score, its own two where it was found, and its best unit."""

    passage_id: str
    score: float
    dense: float | None
    lexical: float | None
    unit_id: str | None


class FusionSpec(Struct, frozen=True, kw_only=True):
    """How two lists become one, and how long each is asked for; part of an index version.

    The weights suit z-scores over candidates. Over all passages of a collection .7 and .3 do as
    well, but the best few hundred differ less in their dense scores than all passages do, which
    gives their z-scores more sway.
    """

    dense_weight: Annotated[float, Meta(ge=0, le=1000)] = 0.5
    lexical_weight: Annotated[float, Meta(ge=0, le=1000)] = 0.5
    units: Annotated[int, Meta(ge=1, le=10_000)] = 200
    """How many units a dense search gives."""
    passages: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """How many passages a lexical search gives."""


def fuse(
    units: Sequence[UnitHit], passages: Sequence[PassageHit], spec: FusionSpec
) -> list[RankedPassage]:
    """Rank every passage that either search found, the best first, ties by `passage_id`.

    A passage that one search did not give is taken to score there as the last one it did give:
    all that is known is that it scores no more. A hit given twice counts once, at its best.
    """
    best = _best_units(units)
    dense = {passage_id: hit.score for passage_id, hit in best.items()}
    lexical = _best_scores(passages)
    found = sorted(dense.keys() | lexical.keys())
    dense_z, lexical_z = _standardised(found, dense), _standardised(found, lexical)
    ranked = [
        RankedPassage(
            passage_id,
            spec.dense_weight * by_meaning + spec.lexical_weight * by_words,
            dense.get(passage_id),
            lexical.get(passage_id),
            best[passage_id].unit_id if passage_id in best else None,
        )
        for passage_id, by_meaning, by_words in zip(found, dense_z, lexical_z, strict=True)
    ]
    return sorted(ranked, key=lambda passage: (-passage.score, passage.passage_id))


def _best_units(units: Iterable[UnitHit]) -> dict[str, UnitHit]:
    best: dict[str, UnitHit] = {}
    for hit in sorted(units, key=lambda hit: (-hit.score, hit.unit_id)):
        best.setdefault(hit.passage_id, hit)
    return best


def _best_scores(passages: Iterable[PassageHit]) -> dict[str, float]:
    best: dict[str, float] = {}
    for hit in passages:
        best[hit.passage_id] = max(hit.score, best.get(hit.passage_id, hit.score))
    return best


def _standardised(found: Sequence[str], scores: Mapping[str, float]) -> list[float]:
    """The z-score of each found passage; 0 for all where none differs from another."""
    least = min(scores.values(), default=0.0)
    values = [scores.get(passage_id, least) for passage_id in found]
    mean = sum(values) / max(len(values), 1)
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / max(len(values), 1))
    if deviation < 1e-9:
        return [0.0] * len(values)
    return [(value - mean) / deviation for value in values]
