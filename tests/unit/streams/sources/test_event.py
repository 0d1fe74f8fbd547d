"""What makes bytes a document's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.common import MAX_TEXT
from streams.sources.event import NotText, content_type_of, decode_text, joined

PRINTABLE = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


@given(PRINTABLE.filter(lambda text: not text.startswith("\ufeff")))
def test_any_utf8_text_comes_back_as_it_was(text: str) -> None:
    """Line ends and all: offsets count these characters."""
    assert decode_text(text.encode()) == text


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    """A citation's offsets would otherwise be one off for every reader that drops it."""
    assert decode_text("\ufeffGrüße".encode()) == "Grüße"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"PK\x03\x04\x00\x00", "binary"),
        ("Grüße".encode("latin-1"), "not UTF-8: byte 2"),
        (b"\xed\xa0\x80", "not UTF-8: byte 0"),
        (b"a" * (MAX_TEXT + 1), "too large"),
        (b"a" * (4 * MAX_TEXT + 1), "too large"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    """Binary, another encoding, a lone surrogate, too much."""
    with pytest.raises(NotText, match=why):
        decode_text(raw)


def test_the_largest_text_is_still_taken() -> None:
    """The bound counts characters, so two-byte ones may take twice the bytes."""
    text = "ü" * MAX_TEXT

    assert decode_text(text.encode()) == text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.md", "text/markdown"),
        ("README.MARKDOWN", "text/markdown"),
        ("a.b.rst", "text/x-rst"),
        ("a.HTM", "text/html"),
        ("a.html", "text/html"),
        ("a.txt", "text/plain"),
        ("a.py", None),
        ("Makefile", None),
        (".md", None),
    ],
)
def test_the_extension_says_what_text_it_is(name: str, expected: str | None) -> None:
    """In either case; a hidden file's name is no extension."""
    assert content_type_of(name) == expected


def test_an_empty_prefix_adds_nothing() -> None:
    """Not even a slash."""
    assert (joined("docs", "a.md"), joined("", "a.md")) == ("docs/a.md", "a.md")
