"""A route's branches beside each other: what is told, of what, and how seldom by chance."""

from typing import Any

import numpy as np
import pytest

from processors.compare.figures import FIGURES, Answer
from processors.compare.results import BranchResults, Difference, Measured, results


def answer(number: int, branch: str = "a", **more: Any) -> Answer:
    known: dict[str, Any] = {
        "query_id": f"q{number}",
        "tenant": "acme",
        "branch": branch,
        "status": "answered",
        "is_given_up": False,
        "latency_ms": 100.0 + number % 7,
        "tokens": 200 + number % 5,
        "passages": ["p@1", "q@1"],
        "way": "answer@1 reader@1 v1",
        "shadow_of": None,
        "unit": f"s{number}",
    }
    return Answer(**(known | more))


def shadow(number: int, **more: Any) -> Answer:
    """Of the answer with the same number."""
    known = {"query_id": f"q{number}~s", "branch": "s", "unit": f"s{number}"}
    return answer(number, **{**known, "shadow_of": f"q{number}", **more})


def found(of: BranchResults, figure: str) -> Measured:
    return next(one for one in of.figures if one.figure == figure)


def differs(of: BranchResults, figure: str) -> Difference:
    return next(one for one in of.differences if one.figure == figure)


def test_each_figure_is_of_the_answers_that_have_it() -> None:
    """A failure has no tokens, who hung up was not answered, and few are judged or liked."""
    a = [
        answer(1, groundedness=0.9, is_grounded=True, is_liked=True, cost_usd=0.5),
        answer(2, groundedness=0.5, is_grounded=False, cost_usd=1.5),
        answer(3, status="failed", tokens=0, latency_ms=None),
        answer(4, status="failed", is_given_up=True),
    ]
    (branch,) = results("r", ["a"], a).branches
    told = {one.figure: (one.count, one.interval.value) for one in branch.figures}
    assert told == {
        "answered": (3, 2 / 3),
        "failed": (3, 1 / 3),
        "given_up": (4, 0.25),
        "grounded": (2, 0.5),
        "groundedness": (2, 0.7),
        "liked": (1, 1.0),
        "latency_ms": (2, 101.0),
        "latency_p95_ms": (2, 102.0),
        "tokens": (2, 201.5),
        "cost_usd": (2, 1.0),
    }
    assert (branch.answers, branch.units, branch.differences) == (4, 4, [])


def test_branches_come_as_the_route_has_them_and_the_first_is_compared_with() -> None:
    """One that it has no more comes last."""
    every = [answer(at, branch) for at, branch in enumerate("bcaxbca")]
    told = results("r", ["b", "a", "c"], every)
    assert [one.name for one in told.branches] == ["b", "a", "c", "x"]
    assert told.first == "b"
    assert told.branches[0].differences == []
    assert told.comparisons == sum(len(one.differences) for one in told.branches) > 0


def test_what_is_truly_better_or_worse_is_told() -> None:
    """More tokens are worse, more groundedness is better; of the rest nothing can be said."""
    a = [answer(at, groundedness=0.5 + at % 3 / 10) for at in range(200)]
    b = [answer(at, "b", groundedness=0.7 + at % 3 / 10, tokens=260) for at in range(200, 300)]
    other = results("r", ["a", "b"], [*a, *b]).branches[1]
    assert differs(other, "groundedness").verdict == "better"
    assert differs(other, "groundedness").interval.value == pytest.approx(0.2, abs=0.01)
    assert differs(other, "tokens").verdict == "worse"
    assert differs(other, "answered").verdict == "unclear"


def test_a_shadow_is_held_against_the_questions_that_it_shares() -> None:
    """Not against others, and not against another branch's."""
    a = [answer(at, groundedness=at / 100) for at in range(100)]
    b = [answer(at, "b", groundedness=0.1) for at in range(100, 120)]
    s = [shadow(at, groundedness=at / 100 + 0.01 + at % 2 / 1000) for at in range(40, 110)]
    told = results("r", ["a", "b", "s"], [*a, *b, *s]).branches[2]
    assert told.is_shadow
    grounded = differs(told, "groundedness")
    assert (grounded.count, grounded.paired, grounded.verdict) == (60, True, "better")
    assert grounded.interval.value == pytest.approx(0.0105, abs=1e-3)
    assert not differs(told, "latency_ms").paired
    assert {one.figure for one in told.differences} & {"given_up", "liked"} == set()
    assert told.retrieval is not None
    assert (told.retrieval.pairs, told.retrieval.overlap.value) == (60, 1.0)


def test_a_shadow_of_nothing_that_was_shown_is_compared_with_nothing() -> None:
    """Its own figures are told."""
    told = results("r", ["a", "s"], [answer(1), shadow(2), shadow(3)]).branches[1]
    assert (told.differences, told.retrieval) == ([], None)
    assert found(told, "answered").count == 2


def test_a_branch_that_was_a_shadow_first_comes_twice() -> None:
    """What nobody saw is not mixed with what people did."""
    every = [answer(1), shadow(1), answer(4, "s")]
    told = [(one.name, one.is_shadow) for one in results("r", ["a", "s"], every).branches]
    assert told == [("a", False), ("s", False), ("s", True)]


def test_passages_that_differ_are_told() -> None:
    """Of those that looked something up."""
    s = [
        shadow(1, passages=["p@2", "x@1"]),
        shadow(2, passages=["q@1", "p@1"]),
        shadow(3, way="", passages=[]),
    ]
    told = results("r", ["a", "s"], [*map(answer, (1, 2, 3)), *s]).branches[1].retrieval
    assert told is not None
    assert told.pairs == 2
    assert told.overlap.value == pytest.approx((0.5 + 1.0) / 2)
    assert 0 < told.rank_agreement.value < told.overlap.value


def test_an_alias_that_moved_meanwhile_is_seen() -> None:
    """The branch was two ways to answer."""
    every = [answer(1), answer(2), answer(3, way="answer@2 reader@1 v1")]
    (branch,) = results("r", ["a"], every).branches
    assert branch.ways == {"answer@1 reader@1 v1": 2, "answer@2 reader@1 v1": 1}


def test_nothing_at_all_is_no_error() -> None:
    """A route that is new."""
    assert results("r", ["a"], []).branches == []
    assert results("r", [], []).first == ""


def test_of_branches_that_are_alike_seldom_any_is_told_to_differ() -> None:
    """Three branches and a shadow, all figures at once: in 95 of 100 experiments nothing."""
    rng = np.random.default_rng(5)

    def drawn(number: int, tastes: Any, **more: Any) -> Answer:
        """Alike in all branches; of one session they are like each other."""
        taste = tastes[number // 3]
        score = float(np.clip(rng.normal(0.7 + taste, 0.15), 0, 1))
        return answer(
            number,
            **{
                "unit": f"s{number // 3}",
                "status": "answered" if rng.random() < 0.8 + taste else "unanswerable",
                "groundedness": score,
                "is_grounded": score > 0.6,
                "is_liked": bool(rng.random() < score) if rng.random() < 0.3 else None,
                "latency_ms": float(rng.lognormal(5 + taste, 0.4)),
                "tokens": int(rng.gamma(5, 60)),
                **more,
            },
        )

    told = 0
    runs = 120
    for _ in range(runs):
        tastes = rng.normal(0, 0.1, 150)
        shown = [drawn(at, tastes, branch="abc"[at // 3 % 3]) for at in range(450)]
        unseen = [
            drawn(at, tastes, query_id=f"q{at}~s", branch="s", shadow_of=f"q{at}", is_liked=None)
            for at in range(0, 450, 2)
        ]
        compared = results("r", ["a", "b", "c", "s"], [*shown, *unseen]).branches
        told += any(one.verdict != "unclear" for each in compared for one in each.differences)
    assert told / runs <= 0.1


def test_every_figure_has_a_name_of_its_own() -> None:
    """And says what it is."""
    assert len({one.name for one in FIGURES}) == len(FIGURES)
    assert all(one.says for one in FIGURES)
