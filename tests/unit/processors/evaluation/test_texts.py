"""Answers are scored as the published scripts score them."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.evaluation import texts

WORDS = st.lists(
    st.sampled_from(["the", "a", "cat", "Cat's", "sat,", "on", "[1]", "1998", "é"]), max_size=8
)
TEXT = WORDS.map(" ".join)


def squad_normalised(text: str) -> str:
    """As in SQuAD's evaluate-v2.0.py."""
    text = "".join(ch for ch in text.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text).split())


def squad_f1(gold: str, answer: str) -> float:
    """As in SQuAD's evaluate-v2.0.py."""
    gold_toks, pred_toks = squad_normalised(gold).split(), squad_normalised(answer).split()
    common = Counter(gold_toks) & Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision, recall = num_same / len(pred_toks), num_same / len(gold_toks)
    return 2 * precision * recall / (precision + recall)


@given(TEXT, TEXT)
def test_words_are_counted_as_squad_counts_them(answer: str, gold: str) -> None:
    """Exact match and F1, held against SQuAD's own script."""
    assert texts.token_f1(answer, [gold]) == pytest.approx(squad_f1(gold, answer))
    same = squad_normalised(answer) == squad_normalised(gold)
    assert texts.exact_match(answer, [gold]) == same


@settings(deadline=None)
@given(TEXT, st.lists(TEXT, min_size=1, max_size=3))
def test_every_score_lies_between_nothing_and_all(answer: str, golds: list[str]) -> None:
    """And one more right answer never makes an answer worse."""
    for score in (texts.exact_match, texts.token_f1, texts.chrf, texts.meteor, texts.bleu):
        assert -1e-9 <= score(answer, golds) <= 1 + 1e-9
    for name, value in texts.rouge(answer, golds).items():
        assert 0 <= value <= 1
        assert texts.rouge(answer, [*golds, answer])[name] >= value
    assert texts.token_f1(answer, [*golds, "dogs"]) >= texts.token_f1(answer, golds)


def test_the_very_answer_is_wholly_right() -> None:
    """By every measure; METEOR never gives quite 1, for it counts one chunk."""
    answer = "Pools close after ten idle minutes"
    for score in (texts.exact_match, texts.token_f1, texts.chrf, texts.bleu):
        assert score(answer, ["no", answer]) == pytest.approx(1)
    assert texts.rouge(answer, [answer]) == {"rouge1": 1.0, "rouge2": 1.0, "rougeL": 1.0}
    assert texts.meteor(answer, [answer]) > 0.99


def test_known_values() -> None:
    """By hand: two of three words, one of two pairs; stems count for ROUGE and METEOR."""
    found = texts.rouge("the cat sat", ["the cat ran"])
    assert found["rouge1"] == found["rougeL"] == pytest.approx(2 / 3)
    assert found["rouge2"] == pytest.approx(1 / 2)
    assert texts.rouge("pools close", ["pool closes"])["rouge1"] == 1
    assert texts.meteor("pools close", ["pool closes"]) > 0.9
    assert texts.token_f1("pools close", ["pool closes"]) == 0


def test_marks_of_citation_are_no_part_of_an_answer() -> None:
    """Wherever they stand; other brackets are."""
    assert texts.unmarked("Soon. [1] Or later [23].") == "Soon. Or later."
    assert texts.unmarked("a[i] is [sic] so") == "a[i] is [sic] so"
