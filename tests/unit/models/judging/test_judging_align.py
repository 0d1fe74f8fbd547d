import numpy as np
import pytest

from models.judging.align import COLUMNS, Alignment, align
from models.judging.evidence import Evidence
from tests.doubles.judging import vectors

VECTORS = vectors()


def aligned(claim: str, *texts: str) -> Alignment:
    found = align(claim, Evidence(texts, VECTORS), VECTORS)
    assert found is not None
    return found


def column(found: Alignment, name: str) -> dict[str, float]:
    words = (word.lower for word in found.content)
    return dict(zip(words, found.column(name).tolist(), strict=True))


def test_a_copy_is_found_word_by_word():
    text = "The library was released in 1998."
    assert aligned(text, text).column("exact").tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("claim", "evidence", "name", "word"),
    [
        ("The exports increase.", "The exports decrease.", "opposite", "increase"),
        ("The two agencies disconnect.", "The two agencies connect.", "prefix", "disconnect"),
        ("It was released in 1999.", "It was released in 1998.", "other_number", "1999"),
        ("Every report is short.", "A report is short.", "strong", "every"),
        ("It was not released there.", "It was released there.", "negation", "released"),
    ],
)
def test_what_turns_a_claim_round_is_seen(claim: str, evidence: str, name: str, word: str):
    assert column(aligned(claim, evidence), name)[word] == 1


def test_what_stands_instead_of_a_word_may_mean_the_same():
    found = aligned("They purchase bread daily.", "They buy bread daily.")
    assert column(found, "instead")["purchase"] > 0.7
    assert column(found, "exact")["purchase"] == 0


def test_a_word_is_placed_among_its_neighbours():
    """Of two places with the word, the one with the words around it."""
    near = "The company released a library. " + "Nothing else. " * 12
    found = aligned("The company released it", near + "Somebody released prisoners.")
    assert column(found, "context")["released"] == 1


def test_words_that_the_evidence_has_far_apart_are_told():
    far = "Paris is old. " + "So it goes on and on. " * 5 + "Rome is new."
    assert aligned("Paris Rome", far).column("apart").sum() == 1


@pytest.mark.parametrize(
    ("claim", "evidence"), [("", "x"), ("the", "x"), ("Paris", ""), ("?!", "x")]
)
def test_nothing_to_compare_is_none(claim: str, evidence: str):
    assert align(claim, Evidence([evidence], VECTORS), VECTORS) is None


def test_the_table_is_finite():
    found = aligned("東京 is 5% 👍 not \ud800 " * 200, "Tokyo is 6%")
    assert found.table.shape == (150, len(COLUMNS))
    assert np.isfinite(found.table).all()
