"""A gate opens unless the questions show that a bound is passed, or asks them to show it is not."""

from collections.abc import Callable

import pytest

from processors.evaluation.gate import Finding, InvalidRules, judge, parse
from processors.evaluation.pairs import Pair
from tests.unit.processors.evaluation.test_compare import measured


def pairs(count: int, candidate: Callable[[int], float], metric: str = "f1") -> list[Pair]:
    return [
        Pair(
            measured(f"q{n}", {metric: 0.5}, tenant=f"t{n % 2}"),
            measured(f"q{n}", {metric: candidate(n)}, tenant=f"t{n % 2}"),
        )
        for n in range(count)
    ]


def found(some: list[Pair], **rule: object) -> list[Finding]:
    return judge(parse({"rules": [{"metric": "f1", **rule}]}), some)


def test_a_drop_beyond_the_bound_closes_the_gate() -> None:
    """One within it does not; nor does one that may be chance."""
    drop = pairs(40, lambda n: 0.4 + n % 2 / 100)
    assert not found(drop, most_drop=0.05)[0].holds
    assert found(drop, most_drop=0.2)[0].holds
    assert found(pairs(40, lambda n: n % 2 * 0.98), most_drop=0)[0].holds


def test_safety_must_be_shown_where_it_is_asked_for() -> None:
    """What may be chance does not open such a gate; what is plain does."""
    noisy, plain = pairs(40, lambda n: n % 2 * 1.0), pairs(40, lambda n: 0.5 + n % 2 / 100)
    assert found(noisy, most_drop=0.05)[0].holds
    assert not found(noisy, most_drop=0.05, prove="safety")[0].holds
    assert found(plain, most_drop=0.05, prove="safety")[0].holds


def test_a_candidate_that_is_the_baseline_passes_any_rule() -> None:
    """With nothing to spare."""
    same = pairs(30, lambda _: 0.5)
    for rule in ({"most_drop": 0}, {"most_drop": "0%", "prove": "safety"}, {"least": 0.5}):
        assert [one.holds for one in found(same, **rule)] == [True]


def test_a_least_value_is_held_by_the_candidate() -> None:
    """However the baseline does; for what should be less it is the most."""
    assert not found(pairs(30, lambda _: 0.7), least=0.8)[0].holds
    assert found(pairs(30, lambda _: 0.9), least=0.8)[0].holds
    slow = pairs(30, lambda _: 0.9, "latency_s")
    assert not judge(parse({"rules": [{"metric": "latency_s", "least": 0.8}]}), slow)[0].holds
    assert judge(parse({"rules": [{"metric": "latency_s", "least": 1}]}), slow)[0].holds


def test_a_share_is_of_the_baseline() -> None:
    """10% of 0.5 may be lost, and more seconds are a loss."""
    assert found(pairs(30, lambda _: 0.46), most_drop="10%")[0].holds
    assert not found(pairs(30, lambda _: 0.44), most_drop="10%")[0].holds
    slow = pairs(30, lambda _: 0.6, "latency_s")
    rules = parse({"rules": [{"metric": "latency_s", "most_drop": "10%"}]})
    assert not judge(rules, slow)[0].holds


def test_a_rule_may_be_about_a_slice_or_about_each() -> None:
    """One tenant that is worse closes the gate, though all together are better."""
    some = pairs(60, lambda n: 0.9 if n % 2 else 0.4)
    assert found(some, most_drop=0.05)[0].holds
    assert [one.holds for one in found(some, most_drop=0.05, slice="tenant=*")] == [False, True]
    assert found(some, most_drop=0.05, slice="tenant=t1")[0].questions == 30


@pytest.mark.parametrize("slice_", ["", "tenant=t0", "tenant=nobody", "topic=*"])
def test_too_few_questions_are_said_so(slice_: str) -> None:
    """A gate that cannot tell does not open."""
    with pytest.raises(InvalidRules, match="ask for 100"):
        found(pairs(30, lambda _: 0.5), most_drop=0, slice=slice_, least_questions=100)


@pytest.mark.parametrize(
    "rule",
    [
        {"metric": "accurracy", "least": 1},
        {"metric": "f1"},
        {"metric": "f1", "most_drop": "much"},
        {"metric": "f1", "most_drop": -1},
        {"metric": "f1", "least": 1, "slice": "colour=red"},
        {"metric": "f1", "least": 1, "slice": "tenant="},
        {"metric": "f1", "least": 1, "confidence": 95},
        {"metric": "f1", "least": 1, "mostdrop": 1},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, object]) -> None:
    """Before anything is looked at: an unknown name must never pass for a rule that holds."""
    with pytest.raises(InvalidRules):
        parse({"rules": [rule]})


@pytest.mark.parametrize("plain", [None, [], {}, {"rules": []}, "rules"])
def test_no_rules_are_no_gate(plain: object) -> None:
    """An empty file lets nothing pass."""
    with pytest.raises(InvalidRules):
        parse(plain)
