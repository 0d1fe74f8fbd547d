from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.ledger.estimate import LEAST_OUTPUT, TOKENS_PER_PASSAGE, Estimator
from processors.prompt import TEMPLATE
from processors.tokens import WordTokenizer
from schemas.queries import Query
from tests.doubles.plans import PLAN

ESTIMATE = Estimator(Control(built_in("reader")), WordTokenizer())
FIXED = WordTokenizer().count(TEMPLATE)


def query(text: str = "why?", **more: Any) -> Query:
    return Query(query_id="q", text=text, tenant="acme", **more)


@given(st.text(min_size=1), st.integers(1, 50), st.integers(1, 4096))
def test_the_most_has_room_for_all_that_is_asked_for(text: str, top_k: int, max_tokens: int):
    """The prompt, every passage and the whole answer; at least one passage and some words."""
    found = ESTIMATE(query(text, top_k=top_k, max_tokens=max_tokens), PLAN, bounded=True)
    prompt = FIXED + WordTokenizer().count(text)
    assert found.tokens == prompt + top_k * TOKENS_PER_PASSAGE + max_tokens
    assert found.least == prompt + TOKENS_PER_PASSAGE + min(max_tokens, LEAST_OUTPUT)
    assert found.least <= found.tokens


def test_what_nothing_bounds_may_take_what_it_takes():
    """No answer is cut for a budget that there is not."""
    bounded = ESTIMATE(query(), PLAN, bounded=True)
    free = ESTIMATE(query(), PLAN, bounded=False)
    assert free.tokens > 5 * bounded.tokens
    assert free.least == bounded.least


def test_what_a_question_brings_for_its_prompt_is_counted():
    """Its variables stand in the prompt, too."""
    plain = ESTIMATE(query(), PLAN, bounded=True)
    longer = ESTIMATE(query(variables={"tone": "short and dry"}), PLAN, bounded=True)
    assert longer.tokens == plain.tokens + 3


def test_a_prompt_that_is_not_known_yet_counts_for_nothing():
    """And is looked for again."""
    found = ESTIMATE(query(), replace(PLAN, prompt="nowhere@1"), bounded=True)
    assert found.tokens == ESTIMATE(query(), PLAN, bounded=True).tokens - FIXED


def test_a_plan_may_have_another_number_of_passages():
    """Then that many are reckoned with."""
    found = ESTIMATE(query(top_k=5), replace(PLAN, top_k=7), bounded=True)
    assert found.tokens == ESTIMATE(query(top_k=7), PLAN, bounded=True).tokens
