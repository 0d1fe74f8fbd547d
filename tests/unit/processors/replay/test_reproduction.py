"""What is not as it was is told, and explained where something explains it."""

from typing import Any

import pytest
from msgspec.structs import replace

from processors.replay.again import Again
from processors.replay.reproduction import NEAR, Circumstances, compare, verdict_of
from schemas.responses import Receipt, Response, Usage

RECEIPT = Receipt(
    index_version="v1",
    as_of=10,
    applied={"documents/0": 4},
    staleness_ms=1.0,
    prompt="answer@1",
    model="reader@1",
    embedder="e@1",
    route="default",
    lexical={"oder": 2.5},
    passages=["a@1", "b@1", "c@1"],
)
GIVEN = Response(
    query_id="q",
    tenant="acme",
    status="answered",
    answer="The Oder. [1]",
    citations=[],
    usage=Usage(input_tokens=90, output_tokens=4),
    receipt=RECEIPT,
    timings_ms={"search": 1.0},
)
AS_IT_WAS = Circumstances(is_plan_known=True, asked_model=True)


def found(how: Circumstances = AS_IT_WAS, was: Response = GIVEN, **now: Any) -> list[Any]:
    """What and why, of each difference to an answer with these changes."""
    receipt = {name: now.pop(name) for name in list(now) if name in Receipt.__struct_fields__}
    again = replace(GIVEN, receipt=replace(RECEIPT, **receipt), **now)
    differences = compare(was, Again(response=again, prompt="p"), how)
    return [(one.what, one.why) for one in differences]


def test_an_answer_that_is_as_it_was_has_no_difference() -> None:
    """Whatever its timings are, and how stale it was read."""
    assert found(timings_ms={"search": 9.0}, staleness_ms=7.0) == []
    assert verdict_of([]) == "reproduced"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"applied": {"documents/0": 5}}, "applied"),
        ({"lexical": {"oder": 2.25}}, "lexical"),
        ({"lexical": {}}, "lexical"),
        ({"passages": ["a@1", "b@2", "c@1"]}, "passages"),
        ({"passages": ["a@1", "b@1"]}, "passages"),
        ({"passages": []}, "passages"),
        ({"usage": Usage(input_tokens=91, output_tokens=4)}, "input"),
        ({"answer": "The Elbe. [1]"}, "answer"),
        ({"status": "unanswerable"}, "answer"),
    ],
)
def test_what_nothing_explains_is_a_difference(changed: dict[str, Any], what: str) -> None:
    """One each."""
    assert found(**changed) == [(what, None)]


def test_the_models_answer_is_not_compared_where_it_was_not_asked() -> None:
    """The retrieval is."""
    unasked = Circumstances(is_plan_known=True, asked_model=False)
    assert found(unasked, answer="", status="unanswerable", usage=Usage()) == []
    assert found(unasked, passages=["b@1", "a@1", "c@1"]) == [("passages", None)]


def test_passages_that_score_alike_may_change_places() -> None:
    """Those that do not may not, nor may one that is not found at all."""
    scores = {"a@1": 1.0, "b@1": 1.0 + NEAR / 2, "c@1": 0.5, "d@1": 0.5, "e@1": 0.4}
    how = Circumstances(is_plan_known=True, asked_model=False, scores=scores)
    assert found(how, passages=["b@1", "a@1", "c@1"]) == [("passages", "near_tie")]
    assert found(how, passages=["a@1", "b@1", "d@1"]) == [("passages", "near_tie")]
    assert found(how, passages=["a@1", "b@1", "e@1"]) == [("passages", None)]
    assert found(how, passages=["a@1", "b@1", "x@1"]) == [("passages", None)]


def test_another_model_explains_whatever_it_says() -> None:
    """It is told of once, and its words are not compared."""
    assert found(model="reader@2", answer="No.") == [("model", "model_gone")]


def test_a_model_that_draws_by_chance_may_say_something_else() -> None:
    """But not be asked something else."""
    by_chance = Circumstances(is_plan_known=True, asked_model=True, samples=True)
    assert found(by_chance, answer="No.") == [("answer", "not_deterministic")]
    assert ("passages", None) in found(by_chance, passages=["c@1", "b@1", "a@1"])


def test_an_answer_that_was_cut_may_go_on_where_the_plan_is_gone() -> None:
    """Its tokens are not known any more; where they are, it may not."""
    cut = replace(GIVEN, answer="The", finish="length")
    gone = Circumstances(is_plan_known=False, asked_model=True)
    assert found(gone, was=cut) == [("answer", "cut")]
    assert found(gone, was=cut, answer="Elbe") == [("answer", None)]
    assert found(was=cut) == [("answer", None)]


def test_one_unexplained_difference_makes_an_answer_different() -> None:
    """However many others are explained."""
    again = Again(
        response=replace(GIVEN, receipt=replace(RECEIPT, model="m@2", lexical={})), prompt="p"
    )
    differences = compare(GIVEN, again, AS_IT_WAS)
    assert verdict_of(differences) == "different"
    assert verdict_of([one for one in differences if one.why]) == "explained"
