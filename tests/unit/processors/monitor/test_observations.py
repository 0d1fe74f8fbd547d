"""What is watched of an event: every figure that it has, none that it cannot have."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.drift.windows import Part
from processors.monitor.observations import (
    ANYBODY,
    DOCUMENT_EMBEDDING,
    FIGURES,
    FRESHNESS,
    QUERY_EMBEDDING,
    labels_of,
    of_change,
    of_evaluation,
    of_feedback,
    packed,
    unpacked,
)
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback
from schemas.index import IndexChange, PassageGained, Source, UnitGained

AT = 1_700_000_000_000_000
HUGE = np.full(4, 3e38, "<f4").tobytes()


def evaluation(*scores: Score, **more: Any) -> Evaluation:
    known: dict[str, Any] = {"query_id": "q-1", "tenant": "acme", "judge": "words@1", "at": AT}
    return Evaluation(scores=list(scores), **(known | more))


def change(*vectors: bytes, text: str = "", **more: Any) -> IndexChange:
    gained = PassageGained(passage_id="p", heading=[], text=text, terms={}, units=[])
    known: dict[str, Any] = {
        "doc_id": "a.md",
        "index_version": "v1",
        "index_time": AT,
        "source": Source(partition=0, offset=1),
        "status": "indexed",
        "passages_gained": [gained] if text else [],
        "units_gained": [
            UnitGained(unit_id=str(n), passage_id="p", embed_key="k", vector=vector)
            for n, vector in enumerate(vectors)
        ],
    }
    return IndexChange(**(known | more))


def vector_in(one: IndexChange) -> np.ndarray:
    observation = of_change(one, None)
    assert observation is not None
    assert observation.seen.vector is not None
    name, raw = observation.seen.vector
    assert name == DOCUMENT_EMBEDDING
    return np.frombuffer(raw, "<f4")


def test_an_answer_counts_when_it_was_given_and_not_when_it_was_judged():
    """A judge that is behind makes nothing late."""
    late = evaluation(answered_at=AT - 9, labels={"route": "canary"}, question="Where?")
    seen = of_evaluation(late, None)
    assert (seen.at, seen.part, seen.event_id) == (AT - 9, Part("acme", "canary"), "q-1")
    assert (seen.seen.text, seen.seen.vector) == ("Where?", None)
    assert of_evaluation(evaluation(), None).at == AT
    assert of_evaluation(evaluation(answered_at=0), None).at == 0


def test_a_score_that_an_answer_cannot_have_is_not_missing_but_one_that_failed_is():
    """A refusal has no groundedness; a judge that refuses leaves a gap."""
    seen = of_evaluation(
        evaluation(
            Score(name="groundedness", error="model_rejected"),
            Score(name="relevance", label="none"),
            Score(name="refusal", score=1.0),
            Score(name="language", label="en"),
            Score(name="somebody's own", score=3.0),
        ),
        None,
    ).seen
    assert seen.figures == {"groundedness": None, "refusal": 1.0}


def test_a_question_is_shown_in_part_and_an_empty_one_not_at_all():
    """As an example of what moved."""
    assert len(of_evaluation(evaluation(question="x" * 9999), None).seen.text or "") == 1024
    assert of_evaluation(evaluation(question=""), None).seen.text is None


def test_a_vector_travels_as_four_bytes_a_number():
    """Whatever the embedder gives."""
    for kind in (np.float32, np.float64, ">f4"):
        seen = of_evaluation(evaluation(), np.array([1, -2.5], kind)).seen  # type: ignore[arg-type]
        assert seen.vector == (QUERY_EMBEDDING, np.array([1, -2.5], "<f4").tobytes())


def test_a_documents_new_text_is_watched_in_words_freshness_and_meaning():
    """What a person would ask: how long, how soon, about what."""
    one, other = np.array([1, 0], "<f4").tobytes(), np.array([0, 1], "<f4").tobytes()
    gained = change(one, other, text="The Oder rises.", title="Oder", acl=["acme"])
    seen = of_change(gained, AT - 2_500_000)
    assert seen is not None
    assert seen.seen.figures == {"document_words": 3.0, FRESHNESS: 2.5}
    assert (seen.part, seen.seen.text) == (Part("acme", ""), "Oder")
    assert vector_in(gained).tolist() == [0.5, 0.5]


def test_a_document_that_gains_no_units_has_no_meaning_to_watch():
    """It was moved, or lost a paragraph: that is fresh all the same."""
    seen = of_change(change(), AT + 1)
    assert seen is not None
    assert seen.seen.figures == {FRESHNESS: 0.0}
    assert seen.seen.vector is None
    assert (seen.part, seen.seen.text) == (Part(ANYBODY, ""), "a.md")


@pytest.mark.parametrize("more", [{"status": "deleted"}, {"status": "unchanged"}, {"part": 1}])
def test_what_brings_no_text_is_not_watched(more: dict[str, Any]):
    """Nor is a document counted once for each part of its change."""
    assert of_change(change(text="The Oder.", parts=2, **more), None) is None


@pytest.mark.parametrize(
    "vectors",
    [(b"",), (b"abc",), (bytes(8), bytes(12)), (bytes(8), b""), (b"", bytes(8))],
    ids=["empty", "odd", "of two sizes", "one empty", "the first empty"],
)
def test_vectors_without_a_mean_are_a_fault_and_no_crash(vectors: tuple[bytes, ...]):
    """One number that is none: it is counted, and moves nothing."""
    assert np.isnan(vector_in(change(*vectors))).tolist() == [True]


@pytest.mark.filterwarnings("error")
def test_a_mean_beyond_all_bounds_is_infinite():
    """Quietly: the detector says what it makes of it."""
    assert np.isinf(vector_in(change(HUGE, HUGE))).all()


def test_a_thumb_is_of_its_tenant_and_of_no_route():
    """Its answer may be anybody's: the join finds that out, and counts it there."""
    said = Feedback(query_id="somebody-else's", tenant="acme", rating=-1, comment="x" * 8192)
    seen = of_feedback(said, "app 7", AT)
    assert (seen.part, seen.event_id, seen.at) == (Part("acme", ""), "app 7", AT)
    assert seen.seen.figures == {"feedback_rating": -1.0}
    assert len(seen.seen.text or "") == 1024


def test_labels_leave_out_what_is_not_known():
    """An empty route is none."""
    assert labels_of(Part("acme", "")) == {"tenant": "acme"}
    assert labels_of(Part("acme", "canary")) == {"tenant": "acme", "route": "canary"}


def test_a_figure_belongs_to_one_source():
    """Its windows go by that source's time."""
    names = [figure for figures in FIGURES.values() for figure in figures]
    assert len(names) == len(set(names))


@given(
    st.dictionaries(st.sampled_from(FIGURES["answers"]), st.floats(allow_nan=False) | st.none()),
    st.lists(st.floats(width=32), max_size=4),
    st.text(max_size=30),
)
def test_what_a_window_keeps_comes_out_as_it_went_in(
    figures: dict[str, float | None], vector: list[float], question: str
):
    """Infinities and vectors of no number, too."""
    scores = [
        Score(name=name, score=value, error=None if value is not None else "failed")
        for name, value in figures.items()
    ]
    seen = of_evaluation(evaluation(*scores, question=question), np.array(vector, "<f4")).seen
    assert unpacked(packed(seen)) == seen
