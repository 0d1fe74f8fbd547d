"""Rankings are scored as trec_eval scores them, by whatever the gold question names."""

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, P, R, nDCG

from processors.evaluation import ranking
from processors.evaluation.gold import Gold, GoldSpan
from processors.evaluation.ranking import Ranked
from tests.doubles.outcomes import passage

DOCS = [f"d{n}" for n in range(8)]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(DOCS), unique=True, min_size=1, max_size=8),
    st.lists(st.sampled_from(DOCS), unique=True, min_size=1, max_size=5),
    st.integers(1, 9),
)
def test_rankings_are_scored_as_trec_eval_scores_them(
    found: list[str], right: list[str], k: int
) -> None:
    """Recall, precision, reciprocal rank and nDCG, over passages of different documents."""
    ranked = ranking.ranked([passage(doc) for doc in found], Gold(doc_ids=right))
    assert ranked is not None
    measures = [R @ k, P @ k, RR, nDCG @ k]
    run = {"q": {doc: float(-place) for place, doc in enumerate(found)}}
    theirs = ir_measures.calc_aggregate(measures, {"q": dict.fromkeys(right, 1)}, run)
    ours = [
        ranking.recall(ranked, k),
        ranking.precision(ranked, k),
        ranking.reciprocal_rank(ranked),
        ranking.ndcg(ranked, k),
    ]
    assert ours == pytest.approx([theirs[measure] for measure in measures])


@settings(deadline=None)
@given(st.lists(st.frozensets(st.integers(0, 4)), max_size=8), st.integers(1, 10))
def test_every_figure_lies_between_nothing_and_all(found: list[frozenset[int]], k: int) -> None:
    """Also where passages find several items, or find one again; and recall grows with k."""
    ranked = Ranked(found, 5)
    for figure in (ranking.recall, ranking.precision, ranking.ndcg):
        assert 0 <= figure(ranked, k) <= 1 + 1e-12
    assert ranking.recall(ranked, k) <= ranking.recall(ranked, k + 1)
    assert 0 <= ranking.reciprocal_rank(ranked) <= 1


def test_a_document_found_twice_is_found_once() -> None:
    """Its second passage is no miss, and gains nothing."""
    again = ranking.ranked([passage("a"), passage("a", 100, 200)], Gold(doc_ids=["a", "b"]))
    assert again is not None
    assert ranking.recall(again, 2) == 0.5
    assert ranking.precision(again, 2) == 1
    assert ranking.ndcg(again, 2) == pytest.approx(1 / (1 + 0.6309297535714574))


def test_spans_are_found_wherever_passages_were_cut() -> None:
    """By a passage that shares most of the shorter one; not in another document."""
    gold = Gold(spans=[GoldSpan("a", 40, 60), GoldSpan("a", 90, 120)])
    found = ranking.ranked([passage("b", 0, 100), passage("a", 0, 100)], gold)
    assert found == Ranked([frozenset(), frozenset({0})], 2)


def test_passages_are_named_with_their_version_or_without() -> None:
    """`passage_id` stands for any of its versions."""
    one = passage("a")
    assert ranking.ranked([one], Gold(passages=["a-0"])) == Ranked([frozenset({0})], 1)
    assert ranking.ranked([one], Gold(passages=["a-0@7"])) == Ranked([frozenset({0})], 1)
    assert ranking.ranked([one], Gold(passages=["a-0@8"])) == Ranked([frozenset()], 1)


def test_an_answer_is_found_by_its_words() -> None:
    """Whole words in their order, whatever their case and punctuation."""
    texts = [passage("a", text="It was 1998!"), passage("b", text="France, in (1998), won.")]
    found = ranking.ranked(texts, Gold(answers=["in 1998", "nowhere"]))
    assert found == Ranked([frozenset(), frozenset({0})], 1)
    assert ranking.ranked(texts, Gold(answers=["199"])) == Ranked([frozenset(), frozenset()], 1)


def test_without_anything_to_be_found_nothing_is_told() -> None:
    """A question that none can answer has no passages that could."""
    assert ranking.ranked([passage("a")], Gold(label="unanswerable")) is None
    assert ranking.ranked([passage("a")], Gold(answers=["the"])) is None
