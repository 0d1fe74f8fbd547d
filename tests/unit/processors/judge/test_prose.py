"""Language and reading ease: said where a text says it, and of any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.judge.prose import READ, describe, reading_ease

PLAIN = "The cat sat on the mat. It was glad to be in the sun. Then it ate a fish."
STIFF = (
    "Notwithstanding considerable methodological heterogeneity, subsequent investigations "
    "substantiated institutional responsibilities regarding environmental sustainability."
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (PLAIN, "en"),
        ("Die Oder entspringt in Tschechien und mündet nach langem Lauf in die Ostsee.", "de"),
        ("東京は日本の首都です。人口は約1400万人です。", "ja"),
        ("Одра берёт начало в Чехии и впадает в Балтийское море после долгого пути.", "ru"),
        ("", None),
        ("42", None),
        ("12 + 30 = 42; 7 * 6 = 42", None),
        ("[1][2][3] " * 20, None),
    ],
)
def test_the_language_is_told_where_there_are_enough_letters(text: str, language: str | None):
    """Else it is unknown, and not guessed."""
    assert describe(text).language == language


def test_a_childrens_book_reads_easier_than_a_report():
    """By the lengths of words and sentences."""
    easy, hard = reading_ease(PLAIN), reading_ease(STIFF)
    assert easy is not None
    assert hard is not None
    assert easy > 90
    assert hard < 10


def test_only_english_has_a_reading_ease():
    """Flesch's figures are of English."""
    assert describe("Die Katze saß auf der Matte und war froh über die warme Sonne.").ease is None
    assert describe(PLAIN).ease == reading_ease(PLAIN)


def test_markers_are_no_words():
    """They are not what is read."""
    with_markers = describe("The cat sat on the mat. [1] It was glad to be in the sun. [12]")
    assert with_markers == describe("The cat sat on the mat.  It was glad to be in the sun. ")


def test_all_words_of_a_long_answer_are_counted():
    """Also those behind what is looked at for its language."""
    long = f"{STIFF} " * 3 + " 奥得河" * READ
    assert describe(long).words == READ + 3 * len(STIFF.split())


def test_what_has_no_words_has_no_ease():
    """Figures and signs alone."""
    assert reading_ease("42 -- 17 !!") is None
    assert reading_ease("") is None


@given(st.text(max_size=300))
def test_any_text_is_described(text: str):
    """Whatever its characters."""
    prose = describe(text)
    assert prose.words >= 0
    assert prose.ease is None or prose.language == "en"
