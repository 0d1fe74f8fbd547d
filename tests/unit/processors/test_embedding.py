import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.embedding import batches, embed_key, tokens

TEXTS = st.lists(st.text(max_size=200), max_size=60)


@given(TEXTS)
def test_every_text_is_in_one_batch_with_its_place(texts: list[str]):
    """Indices lead back to the texts, and none is left out or sent twice."""
    placed = {
        index: text
        for batch in batches(texts)
        for index, text in zip(batch.indices, batch.texts, strict=True)
    }
    assert placed == dict(enumerate(texts))
    assert sum(len(batch.texts) for batch in batches(texts)) == len(texts)


@given(texts=TEXTS, budget=st.integers(1, 300), most=st.integers(1, 8))
def test_a_padded_batch_stays_within_its_budget(texts: list[str], budget: int, most: int):
    """Only a text that alone exceeds the budget goes over it, and it goes alone."""
    for batch in batches(texts, budget, most):
        padded = max(tokens(text) for text in batch.texts) * len(batch.texts)
        assert len(batch.texts) <= most
        assert padded <= budget or len(batch.texts) == 1


def test_texts_of_like_length_go_together():
    texts = ["long " * 100, "a", "long " * 101, "b"]
    assert [batch.indices for batch in batches(texts, token_budget=300)] == [(1, 3), (0, 2)]


@pytest.mark.parametrize(
    ("text", "version"),
    [("a b", "v2"), ("a c", "v1"), ("", "v1"), ("v1\0a b", ""), ("\ud800", "v1")],
)
def test_different_inputs_have_different_keys(text: str, version: str):
    assert embed_key(text, version) != embed_key("a b", "v1")


def test_a_key_is_the_same_in_every_process():
    """Keys are kept in the log, so they may never change."""
    assert embed_key("a b", "v1") == "704e5faac8f2c7ac01fda0c705f21d0b"
