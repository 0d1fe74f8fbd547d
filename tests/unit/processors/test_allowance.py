"""A prompt and an answer within what is set aside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.allowance import TooLittle, fitted
from processors.ledger.estimate import LEAST_OUTPUT
from processors.prompt import PromptPassage, render
from processors.tokens import WordTokenizer
from tests.doubles.plans import PROMPT

VALUES = {"question": "Which river?"}
COUNT = WordTokenizer().count


@given(
    st.lists(st.integers(1, 80), min_size=1, max_size=6),
    st.integers(1, 900),
    st.integers(1, 400),
)
def test_what_is_asked_never_takes_more_than_is_set_aside(
    lengths: list[int], tokens: int, max_tokens: int
) -> None:
    """As many passages as leave room for an answer, and then as long an answer as there is room."""
    passages = [
        PromptPassage(number, "T", "", "word " * length)
        for number, length in enumerate(lengths, start=1)
    ]
    counts = [COUNT(render(PROMPT, VALUES, passages[:n])) for n in range(len(passages) + 1)]
    least = min(max_tokens, LEAST_OUTPUT)
    possible = [n for n in range(1, len(passages) + 1) if counts[n] + least <= tokens]
    if not possible:
        with pytest.raises(TooLittle):
            fitted(PROMPT, VALUES, passages, WordTokenizer(), tokens=tokens, max_tokens=max_tokens)
        return
    asked = fitted(PROMPT, VALUES, passages, WordTokenizer(), tokens=tokens, max_tokens=max_tokens)
    assert asked.passages == max(possible)
    assert asked.prompt == render(PROMPT, VALUES, passages[: asked.passages])
    assert asked.input_tokens == counts[asked.passages]
    assert asked.max_tokens == min(max_tokens, tokens - asked.input_tokens)
    assert asked.max_tokens >= least
