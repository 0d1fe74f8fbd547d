"""Scores by words and counts: numbers or nothing, whatever a response says."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.judge.scores import Price, average_precision, of_response, passage, refuses
from schemas.evaluations import Score
from schemas.responses import Error, Response, Usage
from tests.doubles.answers import cited, receipt, response

WEIGHTS = {"oder": 2.0, "rise": 1.0, "depth": 1.0}
PRICES = {"extractive@2": Price(input=1.0, output=10.0)}


def found(answered: Response, question: str | None = None, *, of: Any = (), used: Any = ()):
    """Its scores by name."""
    scores = of_response(answered, question, of, used, PRICES)
    assert len({one.name for one in scores}) == len(scores)
    return {one.name: one for one in scores}


def value(score: Score) -> float:
    assert score.score is not None
    return score.score


def test_relevance_is_the_share_of_the_question_that_comes_back():
    """By the weights of its terms, in the answer and in what it quotes; the rest is named."""
    told = found(response("The Oder is long.", receipt(["p@1"], WEIGHTS)))
    assert value(told["relevance"]) == 0.5
    assert told["relevance"].explanation == "without: rise, depth"
    quoted = response("The Oder. [1]", receipt(["p@1"], WEIGHTS), citations=[cited(1, "It rises.")])
    assert value(found(quoted)["relevance"]) == 0.75


def test_completeness_leaves_out_what_no_passage_could_have_told():
    """An answer is not to blame for what the documents do not say."""
    known = passage("p@1", "The Oder rises in the east.")
    told = found(response("The Oder is long.", receipt(["p@1"], WEIGHTS)), of=[known])
    assert value(told["completeness"]) == pytest.approx(2 / 3, abs=1e-3)
    assert told["completeness"].explanation == "without: rise"


def test_a_question_without_weighed_words_is_neither_relevant_nor_irrelevant():
    """Such as one of function words alone: nothing is guessed."""
    told = found(response("So it is.", receipt(["p@1"])), of=[passage("p@1", "So it was.")])
    assert not told.keys() & {"relevance", "completeness", "retrieval_score"}


def test_utilisation_and_precision_are_of_the_passages_that_a_claim_rests_on():
    """The same two passages used are worth more at the top."""
    four = [passage(f"p{n}@1", "x") for n in range(4)]
    answered = response("It is so.", receipt([one.name for one in four]))
    first, last = found(answered, of=four, used={0, 1}), found(answered, of=four, used={2, 3})
    assert first["utilisation"].label == last["utilisation"].label == "2 of 4"
    assert value(first["utilisation"]) == value(last["utilisation"]) == 0.5
    assert value(first["context_precision"]) == 1.0
    assert value(last["context_precision"]) < 0.5


def test_places_that_there_are_not_are_not_used():
    """Beyond the passages, before the first, and one of them twice."""
    two = [passage("p@1", "x"), passage("q@1", "y")]
    told = found(response("It is so.", receipt(["p@1", "q@1"])), of=two, used=[0, 0, 2, 99, -1])
    assert told["utilisation"].label == "1 of 2"
    assert value(told["context_precision"]) == 1.0


def test_without_passages_nothing_is_said_of_them():
    """Nothing was retrieved: no share of it was used."""
    told = found(response("It is so.", receipt([], WEIGHTS)), used=[0])
    assert not told.keys() & {"utilisation", "context_precision", "retrieval_score"}


def test_passages_whose_text_is_gone_count_and_are_not_read():
    """How many there were is known; how well they fitted is not."""
    gone = passage("p@1", None)
    told = found(response("The Oder rises.", receipt(["p@1"], WEIGHTS)), of=[gone])
    assert told["utilisation"].label == "0 of 1"
    assert "retrieval_score" not in told


def test_a_passage_with_all_words_is_retrieved_better_than_one_with_some():
    """And one with none has 0."""
    given = response("It is so.", receipt(["p@1"], WEIGHTS))
    scores = [
        value(found(given, of=[passage("p@1", text)])["retrieval_score"])
        for text in ("Depth where the Oder rises.", "The Oder freezes.", "The Elbe freezes.")
    ]
    assert scores == sorted(scores, reverse=True)
    assert 0.5 < scores[0] < 1
    assert scores[2] == 0


@pytest.mark.parametrize(
    ("answer", "status", "declines"),
    [
        ("The documents do not say.", "unanswerable", True),
        ("The documents do not say where.", "answered", True),
        ("I'm sorry, I don't know.", "answered", True),
        ("**Unfortunately**, nobody wrote it down.", "answered", True),
        ("It rises in the east. I cannot find more.", "answered", False),
        ("Sorrow is a river.", "answered", False),
        ("", "refused", True),
        ("", "answered", False),
        ("!" * 100_000, "answered", False),
    ],
)
def test_a_refusal_is_told_by_status_or_by_how_an_answer_begins(
    answer: str, status: Any, declines: bool
):
    """In 100 kB of punctuation, too, and soon."""
    answered = response(answer, status=status)
    assert refuses(answered) is declines
    assert found(answered)["refusal"].score == float(declines)


def test_a_failure_is_an_error_and_no_refusal():
    """It declined nothing."""
    failed = response("", status="failed", error=Error(type="stale", message="old"))
    told = found(failed, "Where?")
    assert (told["error"].label, told["error"].score) == ("stale", 1.0)
    assert "refusal" not in told
    assert value(told["query_words"]) == 1.0
    assert found(response("It is so."))["error"].label == "none"


def test_latency_is_the_sum_of_the_steps():
    """In milliseconds; none without steps."""
    told = found(response("It is so.", timings_ms={"search": 20.5, "read": 30.0}))
    assert value(told["latency_ms"]) == 50.5
    assert "latency_ms" not in found(response("It is so."))


def test_cost_is_told_where_the_model_has_a_price():
    """In US dollars, a million tokens apiece."""
    usage = Usage(input_tokens=1000, output_tokens=100)
    told = found(response("It is so.", receipt(), usage=usage))
    assert value(told["cost_usd"]) == pytest.approx(0.002)
    other = response("It is so.", receipt(model="another@1"), usage=usage)
    assert "cost_usd" not in found(other)


def test_a_count_of_tokens_that_nobody_could_pay_is_a_number_all_the_same():
    """JSON has no largest integer; a float has."""
    usage = Usage(input_tokens=10**400, output_tokens=10**400)
    cost = found(response("It is so.", receipt(), usage=usage))["cost_usd"]
    assert math.isfinite(value(cost))


texts = st.text(max_size=200) | st.sampled_from(
    [
        "奥得河发源于捷克共和国。",
        "נהר האודר",
        "| a | b |\n|--|--|\n| 1 | 2 |",
        "```\nx\n```",
        "[1][99][0]",
    ]
)
weights = st.dictionaries(
    st.sampled_from(["oder", "rise", "it", "1", ""]),
    st.floats(allow_nan=True, allow_infinity=True),
    max_size=5,
)


@given(texts, st.none() | texts, weights, st.lists(st.none() | texts, max_size=4), st.data())
def test_every_score_of_anything_is_a_number_in_its_bounds(
    answer: str, question: str | None, lexical: Any, kept: list[str | None], data: st.DataObject
):
    """Whatever the weights are: none, negative, or so large that their sum is infinite."""
    of = [passage(f"p{n}@1", text) for n, text in enumerate(kept)]
    used = data.draw(st.lists(st.integers(-3, 9), max_size=6))
    citations = [cited(n, answer[:9]) for n in data.draw(st.lists(st.integers(-3, 9), max_size=3))]
    answered = response(answer, receipt([p.name for p in of], lexical), citations=citations)
    told = found(answered, question, of=of, used=used)
    for name in ("relevance", "completeness", "utilisation", "context_precision"):
        if name in told:
            assert 0 <= value(told[name]) <= 1
    if "retrieval_score" in told:
        assert 0 <= value(told["retrieval_score"]) <= 1
    assert all(math.isfinite(one.score) for one in told.values() if one.score is not None)


@given(st.integers(0, 20), st.sets(st.integers(0, 19)))
def test_average_precision_is_one_where_the_used_come_first(count: int, used: set[int]):
    """And less where a passage that was not used stands before one that was."""
    here = sorted(place for place in used if place < count)
    precision = average_precision(count, used)
    assert 0 <= precision <= 1
    assert (precision == 1) == (bool(here) and here == list(range(len(here))))
