"""What a comparison comes to."""

import json

import pytest

from processors.overlap import Span
from streams.errors import FreshetError
from streams.versions.compare import Comparison, Found, Pair
from streams.versions.compared import text, verdict


def found(answer: str, *places: int) -> Found:
    """An answer from passages of one document."""
    passages = [Span("a", at, at + 10) for at in places]
    return Found(status="answered", answer=answer, as_of=1, passages=passages)


def pair(question: str, one: Found, other: Found, overlap: float) -> Pair:
    """Both answers to a question."""
    return Pair(
        question=question,
        tenant="acme",
        one=one,
        other=other,
        overlap=overlap,
        rank_agreement=overlap,
    )


PAIRS = [
    pair("same?", found("yes", 0, 20), found("yes", 0, 20), 1.0),
    pair("other?", found("left", 0), found("right", 0, 40), 0.5),
    pair("disjoint?", found("up", 0), found("down", 70), 0.0),
]


def test_figures_are_means_and_what_differs_most_comes_first() -> None:
    """An answer is the same where its words are."""
    told = verdict(Comparison(pairs=PAIRS, failed=["broken"]), "v1", "v2")
    assert told.questions == 3
    assert told.passages == 2
    assert told.overlap.value == pytest.approx(0.5)
    assert told.same_answer.value == pytest.approx(1 / 3)
    assert [one.question for one in told.differing] == ["disjoint?", "other?"]
    plain = json.loads(json.dumps(told.plain(1)))
    assert len(plain["differing"]) == 1
    shown = text(told, 1)
    assert "down" in shown
    assert "right" not in shown
    assert "broken" in shown


def test_nothing_compared_is_no_verdict() -> None:
    """Why, is in the message."""
    with pytest.raises(FreshetError, match="broken"):
        verdict(Comparison(pairs=[], failed=["broken"]), "v1", "v2")
