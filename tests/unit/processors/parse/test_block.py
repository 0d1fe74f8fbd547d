import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.parse.block import HIDDEN, Headings, hide, lines, shorten, words


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("a  b\n c", "a b c"),
        ("a => b | --- |", "a b"),
        (f"{HIDDEN}{HIDDEN}bold{HIDDEN}er text", "bolder text"),
        ("x = [1, 2]", "x [1, 2]"),
        ("C++ _ __init__ ...", "C++ __init__"),
        ("\ud800a", "\ufffda"),
    ],
)
def test_words_are_what_is_read(shown: str, expected: str):
    """Blanks collapse; tokens without a letter or digit and hidden characters are gone."""
    assert words(shown) == expected


def test_hiding_keeps_length_and_the_group():
    assert hide(re.compile(r"\[(\w+)\]"), "a [b] c") == f"a {HIDDEN}b{HIDDEN} c"


@given(st.text("ab\r\n \u2028"))
def test_lines_end_at_line_feeds_and_carriage_returns_only(text: str):
    """The lines are those of `str.splitlines`, had it no other line ends."""
    found = [text[start:end] for start, end in lines(text)]
    assert found == [
        line.replace("x", "\u2028") for line in text.replace("\u2028", "x").splitlines()
    ]


def test_a_long_heading_is_cut_at_a_word():
    assert shorten("one two three", 9) == "one two"
    assert len(Headings().enter(1, "x" * 500)[0]) == Headings.LONGEST
