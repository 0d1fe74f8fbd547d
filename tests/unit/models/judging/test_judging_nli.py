import pytest

from models.judging.evidence import Place
from models.judging.judge import NOTHING
from models.judging.nli import Inferred, findings, labels, pairs

EVIDENCE = ["One text.", "Another text."]


def test_claims_are_held_against_what_they_may_use():
    held = pairs(["a", " ", "c"], [*EVIDENCE, ""], [[True] * 3, [True] * 3, [False, True, True]])
    assert held == [(0, 0), (0, 1), (2, 1)]


@pytest.mark.parametrize(
    ("scores", "verdict", "place"),
    [
        ([(0.9, 0.0), (0.1, 0.8)], "supported", Place(0, 0, 9)),
        ([(0.1, 0.2), (0.0, 0.8)], "contradicted", Place(1, 0, 13)),
        ([(0.1, 0.2), (0.2, 0.3)], "not_in_sources", None),
    ],
)
def test_the_best_premise_decides(
    scores: list[tuple[float, float]], verdict: str, place: Place | None
):
    found = findings(1, EVIDENCE, [(0, 0), (0, 1)], [Inferred(*one) for one in scores])[0]
    assert (found.verdict, found.place) == (verdict, place)
    assert found.supported + found.contradicted <= 1


def test_a_claim_without_a_pair_is_not_in_the_sources():
    assert findings(2, EVIDENCE, [(1, 0)], [Inferred(0.9, 0.0)])[0] == NOTHING


def test_labels_are_found_by_name():
    assert labels({0: "CONTRADICTION", 1: "neutral", 2: "entailment"}) == (2, 0)


def test_a_checkpoint_for_something_else_is_refused():
    with pytest.raises(ValueError, match="entailment"):
        labels({0: "positive", 1: "negative"})
