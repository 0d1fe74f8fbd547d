"""A difference is told where there is one, seldom where there is none, and always alike."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.evaluation.compare import Comparison, compare
from processors.evaluation.gold import Gold
from processors.evaluation.metrics import metric_named, metrics
from processors.evaluation.pairs import ALL, Measured, Pair, by, paired, slices
from processors.evaluation.worst import preferred, regressions
from schemas.responses import Error
from tests.doubles.outcomes import DAY_US, outcome, passage


def measured(name: str, figures: dict[str, float], **fields: object) -> Measured:
    return Measured(outcome(name, **fields), figures)  # type: ignore[arg-type]


def pairs_of(count: int, candidate: Callable[[int], float], **fields: object) -> list[Pair]:
    """Questions whose f1 was 0.5, and now is what is said."""
    return [
        Pair(
            measured(f"q{n}", {"f1": 0.5, "answered": 1}, **fields),
            measured(f"q{n}", {"f1": candidate(n), "answered": 1}, **fields),
        )
        for n in range(count)
    ]


def test_only_questions_that_both_were_asked_are_compared() -> None:
    """What one of them lacks, or could not be asked any more, is named."""
    gone = Error(type="as_of_beyond_horizon", message="gone")
    ones = [measured("a", {}), measured("c", {}), measured("b", {}, asked_at=1)]
    others = [measured("b", {}, asked_at=1), measured("a", {}), measured("d", {})]
    found = paired([*ones, measured("e", {})], [*others, measured("e", {}, unreplayed=gone)])
    assert [pair.query_id for pair in found.pairs] == ["b", "a"]
    assert (found.only_baseline, found.only_candidate) == (["c"], ["d"])
    assert found.unreplayed == ["e"]


def test_slices_are_those_with_questions_enough() -> None:
    """By tenant, topic, document and day; one that is everything says nothing new."""
    sides = [
        Measured(
            outcome(
                f"q{n}", tenant=f"t{n % 2}", asked_at=DAY_US * (1 + n // 9), cited=[passage("a")]
            ),
            {},
            Gold(topic="x", doc_ids=["b"] if n < 4 else []),
        )
        for n in range(10)
    ]
    found = slices([Pair(one, one) for one in sides], least=4)
    assert {name: len(places) for name, places in found.items()} == {
        ALL: 10,
        "tenant=t0": 5,
        "tenant=t1": 5,
        "document=a": 6,
        "document=b": 4,
        "day=1970-01-02": 9,
    }
    assert by("topic", [Pair(one, one) for one in sides]) == {"topic=x": list(range(10))}


def test_a_clear_gain_is_told_and_a_clear_loss() -> None:
    """Whichever way is better for the metric."""
    pairs = [
        Pair(
            measured(f"q{n}", {"f1": 0.5, "input_tokens": 100.0, "answered": 1}),
            measured(
                f"q{n}", {"f1": 0.6 + n % 3 / 10, "input_tokens": 90.0 + n % 5, "answered": 1}
            ),
        )
        for n in range(60)
    ]
    found = compare(pairs, slices(pairs), metrics(), resamples=2000)
    verdicts = {one.metric: one.verdict for one in found.overall}
    assert verdicts == {"f1": "better", "input_tokens": "better", "answered": "unclear"}
    back = [Pair(pair.candidate, pair.baseline) for pair in pairs]
    found = compare(back, slices(back), metrics(), resamples=2000)
    assert {one.metric: one.verdict for one in found.overall}["f1"] == "worse"


def test_a_difference_on_two_questions_is_no_find() -> None:
    """However large."""
    (change,) = compare(pairs_of(2, lambda _: 1.0), {ALL: [0, 1]}, [f1()]).overall
    assert (change.verdict, change.questions) == ("unclear", 2)


def test_who_looks_at_many_slices_finds_no_more_by_chance() -> None:
    """In 40 comparisons of what is alike at most a handful tell of any slice."""
    finds = 0
    for seed in range(40):
        luck = random.Random(seed)
        pairs = pairs_of(80, lambda _, luck=luck: luck.choice([0.2, 0.5, 0.8]))
        places = {f"tenant={n}": list(range(n, 80, 8)) for n in range(8)}
        found = compare(pairs, places, [f1()], resamples=1000)
        finds += any(one.verdict != "unclear" for one in found.sliced)
    assert finds <= 6


def test_equal_questions_give_equal_tables() -> None:
    """Bit for bit, and the order in which outcomes were read does not count."""
    luck = random.Random(5)
    pairs = pairs_of(50, lambda _: luck.random())
    ones = [pair.baseline for pair in pairs]
    others = [pair.candidate for pair in pairs]
    found = tables(ones, others)
    luck.shuffle(ones)
    luck.shuffle(others)
    assert tables(ones, others) == found


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.integers(1, 5))
def test_corrections_only_ever_widen(values: list[float], count: int) -> None:
    """Intervals, and p-values; the difference lies between the two means."""
    pairs = pairs_of(len(values), values.__getitem__)
    places = {f"tenant={n}": list(range(len(values))) for n in range(count)}
    for change in compare(pairs, places, [f1()], resamples=300).sliced:
        assert change.p - 1e-9 <= change.bh <= change.holm + 1e-9 <= 1 + 2e-9
        assert change.corrected.low <= change.difference.low + 1e-9
        assert change.corrected.high >= change.difference.high - 1e-9
        assert change.difference.value == pytest.approx(change.candidate - change.baseline)
        assert change.candidate == pytest.approx(np.mean(values))


def test_the_worst_come_first() -> None:
    """Only what is worse; for what should be less, more is worse."""
    pairs = pairs_of(4, lambda n: [0.4, 0.9, 0.1, 0.5][n])
    found = regressions(pairs, f1(), 5)
    assert [(one.pair.query_id, round(one.drop, 6)) for one in found] == [("q2", 0.4), ("q0", 0.1)]
    assert preferred(pairs) == "f1"
    failed = metric_named("failed")
    assert failed is not None
    worse = Pair(measured("a", {"failed": 0}), measured("a", {"failed": 1}))
    assert [one.drop for one in regressions([worse], failed, 5)] == [1]


def f1():
    metric = metric_named("f1")
    assert metric is not None
    return metric


def tables(ones: list[Measured], others: list[Measured]) -> Comparison:
    both = paired(ones, others).pairs
    return compare(both, slices(both), metrics(), resamples=500)
