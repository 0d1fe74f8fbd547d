import random

import pytest

from models.build.copies import (
    Made,
    another_name,
    another_number,
    copied,
    negated,
    opposite,
)
from models.judging.words import words

TEXT = (
    "In 1998 the company of Ada Byron was founded in Turin with three friends. "
    "The exports of Grace Hopper increase every single year since then. "
    "It was never said why Alan Turing did not join them there."
)
SENTENCE = "In 1998 the company of Ada Byron was founded in Turin with three friends."


def chance() -> random.Random:
    return random.Random(3)


def test_copies_are_in_their_text_and_changed_ones_are_not():
    made = copied([TEXT, TEXT.replace("Turin", "Milan").replace("then", "later")])[0]
    assert [one.claim in TEXT for one in made] == [one.supported for one in made]
    assert Made(made[0].claim, True, None) == made[0]


def test_the_same_texts_give_the_same_claims():
    assert copied([TEXT] * 5) == copied([TEXT] * 5)


def test_texts_without_sentences_give_no_claims():
    assert copied(["", "Too short."]) == [[], []]


def test_another_number_is_not_in_the_text():
    claim = another_number(SENTENCE, TEXT, chance())
    assert claim is not None
    changed = [word.lower for word in words(claim) if word.lower.isdecimal()]
    assert len(changed) == 1
    assert changed[0] not in TEXT


def test_another_name_is_of_the_same_text():
    claim = another_name(SENTENCE, TEXT, chance())
    assert claim is not None
    new = {word.lower for word in words(claim)} - {word.lower for word in words(SENTENCE)}
    assert new <= {"grace", "hopper", "alan", "turing"}
    assert len(new) == 1


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("It was so.", "It was not so."),
        ("It was not so.", "It was so."),
        ("It isn't so.", "It is so."),
        ("Nobody came.", None),
    ],
)
def test_a_sentence_is_negated_once(sentence: str, expected: str | None):
    assert negated(sentence, "", chance()) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"), [("Prices increase.", "Prices decrease."), ("Penguins swim.", None)]
)
def test_a_word_becomes_its_opposite(sentence: str, expected: str | None):
    assert opposite(sentence, "", chance()) == expected
