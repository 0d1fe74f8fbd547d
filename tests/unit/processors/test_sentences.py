import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.sentences import cut, sentences, size


def cut_up(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. No met Mrs. Pym.", ["Dr. No met Mrs. Pym."]),
        ("The U.S. Navy sailed.", ["The U.S. Navy sailed."]),
        ("It took 3.5 days, i.e. long.", ["It took 3.5 days, i.e. long."]),
        ("It has numpy, etc. and more.", ["It has numpy, etc. and more."]),
        ('"Why?" Nobody said.', ['"Why?"', "Nobody said."]),
        ("Is it? yes, it is.", ["Is it? yes, it is."]),
        ("Wait... Then go.", ["Wait...", "Then go."]),
        ("漢字。文章。", ["漢字。", "文章。"]),
        ("See example.com for it.", ["See example.com for it."]),
        ("**Bold.** Then plain.", ["**Bold.**", "Then plain."]),
        ("He left.\nShe stayed.", ["He left.", "She stayed."]),
    ],
)
def test_a_sentence_ends_where_a_reader_would_say_so(text: str, expected: list[str]):
    assert cut_up(text) == expected


@given(st.text())
def test_sentences_tile_the_text(text: str):
    """Joined, the sentences are the text again."""
    assert "".join(text[start:end] for start, end in sentences(text)) == text


@given(text=st.text("ab .,\n\0;", max_size=400), longest=st.integers(1, 50))
def test_cuts_tile_the_text_and_are_short(text: str, longest: int):
    """Joined, the cuts are the text again; none is longer than asked for, and none is empty."""
    spans = list(cut(text, 0, len(text), longest))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(size(text, start, end) <= longest for start, end in spans)
    assert not text or all(start < end for start, end in spans)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("aaaa bbbb cccc, dddd; eeee ffff", "aaaa bbbb cccc, dddd;"),
        ("aaaa bbbb cccc, dddd eeee ffff", "aaaa bbbb cccc,"),
        ("aaaa bbbb cccc dddd eeee ffff", "aaaa bbbb cccc dddd eeee"),
        ("aaaa bbbb\ncccc\ndddd, eeee ffff", "aaaa bbbb\ncccc"),
        ("a" * 40, "a" * 25),
    ],
)
def test_a_cut_is_made_at_the_best_place_in_reach(text: str, first: str):
    """Line ends come before semicolons, these before commas, blanks, and any character."""
    start, end = next(cut(text, 0, len(text), 25))
    assert text[start:end].strip() == first
