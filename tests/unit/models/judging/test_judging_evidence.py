from hypothesis import given
from hypothesis import strategies as st

from models.judging.evidence import MOST_WORDS, Evidence
from tests.doubles.judging import vectors

VECTORS = vectors()


def sentences(*texts: str) -> list[str]:
    places = Evidence(texts, VECTORS).sentences
    return [texts[at.evidence][at.start : at.end] for at in places]


def test_sentences_are_slices_of_their_text():
    assert sentences('One is. "Two is." Three\nFour', "Five.") == [
        "One is.",
        '"Two is."',
        "Three",
        "Four",
        "Five.",
    ]


def test_a_small_letter_goes_on_with_a_sentence():
    assert sentences("Made by Inc. and others. So it is.") == [
        "Made by Inc. and others.",
        "So it is.",
    ]


@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_text_can_be_evidence(texts: list[str]):
    evidence = Evidence(texts, VECTORS)
    assert len(evidence.sentence_of) == len(evidence) == len(evidence.negated)
    assert all(texts[at.evidence][at.start : at.end].strip() for at in evidence.sentences)


def test_a_negation_reaches_the_words_beside_it():
    evidence = Evidence(["It was never released, and years later the city was founded."], VECTORS)
    negated = [
        word.lower for word, near in zip(evidence.words, evidence.negated, strict=True) if near
    ]
    assert "released" in negated
    assert "founded" not in negated


def test_evidence_is_read_up_to_a_bound():
    assert len(Evidence(["word " * MOST_WORDS, "more"], VECTORS)) == MOST_WORDS
