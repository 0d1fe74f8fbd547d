"""Fusion of what a dense and a lexical search found."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.retrieve import FusionSpec, PassageHit, RankedPassage, UnitHit, fuse

SPEC = FusionSpec()
IDS = st.sampled_from([f"p{n}" for n in range(8)])
UNITS = st.lists(st.tuples(st.integers(0, 30), IDS, st.integers(-100, 100)), max_size=30).map(
    lambda rows: [UnitHit(f"u{unit}", passage, score / 100) for unit, passage, score in rows]
)
PASSAGES = st.lists(st.tuples(IDS, st.integers(0, 40)), max_size=12).map(
    lambda rows: [PassageHit(passage, float(score)) for passage, score in rows]
)


def _or(score: float | None, otherwise: float) -> float:
    return otherwise if score is None else score


def ids(ranked: list[RankedPassage]) -> list[str]:
    return [passage.passage_id for passage in ranked]


def test_a_passage_scores_as_its_best_unit() -> None:
    """Its other units neither help nor harm it, and the best one is named."""
    units = [UnitHit("a1", "a", 0.2), UnitHit("a2", "a", 0.9), UnitHit("b1", "b", 0.8)]
    first, second = fuse(units, [], SPEC)
    assert (first.passage_id, first.dense, first.unit_id) == ("a", 0.9, "a2")
    assert (second.passage_id, second.dense, second.unit_id) == ("b", 0.8, "b1")


def test_fusion_adds_weighted_z_scores() -> None:
    """Two candidates lie one standard deviation to either side of their mean."""
    spec = FusionSpec(dense_weight=0.7, lexical_weight=0.3)
    units = [UnitHit("a1", "a", 0.9), UnitHit("b1", "b", 0.1)]
    ranked = fuse(units, [PassageHit("a", 3.0), PassageHit("b", 7.0)], spec)
    assert ids(ranked) == ["a", "b"]
    assert [passage.score for passage in ranked] == pytest.approx([0.4, -0.4])
    assert [passage.lexical for passage in ranked] == [3.0, 7.0]


def test_what_one_search_did_not_give_counts_as_its_last() -> None:
    """Not found is no more than the least found, and the answer says that it was not found."""
    units = [UnitHit("a1", "a", 0.9), UnitHit("b1", "b", 0.5)]
    words = [PassageHit("c", 9.0), PassageHit("b", 2.0)]
    by_id = {passage.passage_id: passage for passage in fuse(units, words, SPEC)}
    filled = fuse([*units, UnitHit("c1", "c", 0.5)], [*words, PassageHit("a", 2.0)], SPEC)
    assert by_id["a"].lexical is None
    assert by_id["c"].dense is None
    assert by_id["c"].unit_id is None
    assert {passage.passage_id: passage.score for passage in filled} == {
        name: pytest.approx(passage.score) for name, passage in by_id.items()
    }


def test_one_search_alone_ranks_by_its_own_scores() -> None:
    """A question without a known word is answered by meaning; the reverse holds too."""
    units = [UnitHit("b1", "b", 0.5), UnitHit("a1", "a", 0.9)]
    assert ids(fuse(units, [], SPEC)) == ["a", "b"]
    assert ids(fuse([], [PassageHit("b", 1.0), PassageHit("a", 2.0)], SPEC)) == ["a", "b"]


def test_nothing_found_is_nothing_ranked() -> None:
    """Empty lists give an empty list."""
    assert fuse([], [], SPEC) == []


def test_a_single_candidate_has_a_finite_score() -> None:
    """One passage does not differ from itself."""
    assert fuse([UnitHit("a1", "a", 0.4)], [PassageHit("a", 3.0)], SPEC) == [
        RankedPassage("a", 0.0, 0.4, 3.0, "a1")
    ]


def test_equals_are_ranked_by_their_ids() -> None:
    """Ties never depend on the order of arrival, nor does the unit that is named."""
    units = [UnitHit("b2", "b", 0.5), UnitHit("b1", "b", 0.5), UnitHit("a1", "a", 0.5)]
    ranked = fuse(units, [], SPEC)
    assert [(passage.passage_id, passage.unit_id) for passage in ranked] == [
        ("a", "a1"),
        ("b", "b1"),
    ]


@given(UNITS, PASSAGES, st.randoms(use_true_random=False))
def test_the_order_of_the_hits_does_not_matter(
    units: list[UnitHit], passages: list[PassageHit], random: Random
) -> None:
    """The ranking is a function of what was found."""
    ranked = fuse(units, passages, SPEC)
    random.shuffle(units)
    random.shuffle(passages)
    assert fuse(units, passages, SPEC) == ranked


@given(UNITS, PASSAGES)
def test_every_passage_found_is_ranked_once_best_first(
    units: list[UnitHit], passages: list[PassageHit]
) -> None:
    """Nothing found is lost, nothing is doubled, scores fall."""
    ranked = fuse(units, passages, SPEC)
    found = {hit.passage_id for hit in units} | {hit.passage_id for hit in passages}
    assert sorted(ids(ranked)) == sorted(found)
    places = [(-passage.score, passage.passage_id) for passage in ranked]
    assert places == sorted(places)


@given(UNITS, PASSAGES, st.floats(0.1, 100), st.floats(-10, 10))
def test_the_scale_of_a_list_does_not_matter(
    units: list[UnitHit], passages: list[PassageHit], factor: float, shift: float
) -> None:
    """Lexical scores have no fixed scale: stretched and shifted, they weigh the same."""
    moved = [PassageHit(hit.passage_id, hit.score * factor + shift) for hit in passages]
    before = {passage.passage_id: passage.score for passage in fuse(units, passages, SPEC)}
    after = {passage.passage_id: passage.score for passage in fuse(units, moved, SPEC)}
    assert after == pytest.approx(before, abs=1e-6)


@given(UNITS, PASSAGES)
def test_a_passage_at_least_as_good_in_both_lists_is_never_ranked_below(
    units: list[UnitHit], passages: list[PassageHit]
) -> None:
    """Fusion weighs one list against the other; where they agree it follows them."""
    ranked = fuse(units, passages, SPEC)
    least = min((p.dense for p in ranked if p.dense is not None), default=0.0)
    last = min((p.lexical for p in ranked if p.lexical is not None), default=0.0)
    for above, below in pairwise(ranked):
        meaning = _or(below.dense, least) > _or(above.dense, least)
        words = _or(below.lexical, last) > _or(above.lexical, last)
        assert not (meaning and words)
