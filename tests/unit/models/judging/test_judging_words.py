import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.judging.words import MOST, words


@given(st.text(max_size=300))
def test_words_are_slices_in_order(text: str):
    found = words(text)
    ends = [0, *(word.end for word in found)]
    assert all(before <= word.start < word.end for before, word in zip(ends, found, strict=False))
    assert all(text[word.start : word.end].strip() for word in found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jumps", "jumped"),
        ("cities", "city"),
        ("stopping", "stopped"),
        ("Norway's", "Norway"),
        ("two", "2"),
        ("1,000", "1000"),
        ("Second", "2"),
    ],
)
def test_forms_of_a_word_and_of_a_number_are_the_same(one: str, other: str):
    assert words(one)[0].key == words(other)[0].key


@pytest.mark.parametrize(("one", "other"), [("2", "3"), ("2.5", "25"), ("Paris", "London")])
def test_other_words_are_not(one: str, other: str):
    assert words(one)[0].key != words(other)[0].key


def test_a_name_is_capitalised_where_no_sentence_begins():
    found = words("Then Norway won. It was Sweden's.")
    assert [word.lower for word in found if word.name] == ["norway", "sweden"]


def test_a_verb_can_be_negative():
    assert [word.negative for word in words("it isn’t so")] == [False, True, False]


def test_scripts_without_spaces_are_read_sign_by_sign():
    assert len(words("東京は首都")) == 5


def test_a_text_is_read_up_to_a_bound():
    assert len(words("a " * (MOST + 10))) == MOST


@given(st.text("aZ s'19.,:%$-_\n", max_size=60))
def test_what_stands_around_a_text_does_not_change_its_words(text: str):
    """Plain English has a faster way; it must find the same words."""
    assert words(f"{text}\n\N{EM DASH}") == words(text)
