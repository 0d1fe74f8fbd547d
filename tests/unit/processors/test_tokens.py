"""How many tokens a text is."""

from hypothesis import given
from hypothesis import strategies as st

from models.reading.answer import tokens
from processors.tokens import WordTokenizer


@given(st.text())
def test_a_text_has_as_many_tokens_as_the_reader_counts(text: str) -> None:
    """What is counted before is what is charged after."""
    assert WordTokenizer().count(text) == tokens(text)
