from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.builtin import built_in
from processors.control import Control
from processors.ledger.estimate import LEAST_OUTPUT, TOKENS_PER_PASSAGE, Estimator
from processors.prompt import PROMPT, TEMPLATE
from processors.tokens import WordTokenizer
from schemas.queries import Query

ESTIMATE = Estimator(Control(built_in("reader")), WordTokenizer())
FIXED = WordTokenizer().count(TEMPLATE)


def query(text: str = "why?", **more: Any) -> Query:
    return Query(query_id="q", text=text, tenant="acme", **more)


@given(st.text(min_size=1), st.integers(1, 50), st.integers(1, 4096))
def test_the_most_has_room_for_all_that_is_asked_for(text: str, top_k: int, max_tokens: int):
    """The prompt, every passage and the whole answer; at least one passage and some words."""
    found = ESTIMATE(query(text, top_k=top_k, max_tokens=max_tokens), PROMPT, bounded=True)
    prompt = FIXED + WordTokenizer().count(text)
    assert found.tokens == prompt + top_k * TOKENS_PER_PASSAGE + max_tokens
    assert found.least == prompt + TOKENS_PER_PASSAGE + min(max_tokens, LEAST_OUTPUT)
    assert found.least <= found.tokens


def test_what_nothing_bounds_may_take_what_it_takes():
    """No answer is cut for a budget that there is not."""
    bounded = ESTIMATE(query(), PROMPT, bounded=True)
    free = ESTIMATE(query(), PROMPT, bounded=False)
    assert free.tokens > 5 * bounded.tokens
    assert free.least == bounded.least


def test_what_a_question_brings_for_its_prompt_is_counted():
    """Its variables stand in the prompt, too."""
    plain = ESTIMATE(query(), PROMPT, bounded=True)
    longer = ESTIMATE(query(variables={"tone": "short and dry"}), PROMPT, bounded=True)
    assert longer.tokens == plain.tokens + 3


def test_a_prompt_that_is_not_known_yet_counts_for_nothing():
    """And is looked for again."""
    found = ESTIMATE(query(), "nowhere@1", bounded=True)
    assert found.tokens == ESTIMATE(query(), PROMPT, bounded=True).tokens - FIXED
