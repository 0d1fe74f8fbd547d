"""Agreement of judge and people, beside scikit-learn's figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, cohen_kappa_score

from processors.feedback.agreement import LEAST_PAIRS, Agreement, Table, kappa_of
from processors.feedback.join import Joined, Pair


def pair(
    probability: float | None = 0.9,
    people: bool = True,
    *,
    judge: str = "judge@1",
    route: str = "default",
    threshold: float = 0.5,
) -> Pair:
    return Pair(
        tenant="acme",
        route=route,
        judge=judge,
        answered_at=0,
        probability=probability,
        raw=probability,
        judged=None if probability is None else probability >= threshold,
        people=people,
        basis="verdict",
    )


def agreement_of(pairs: list[Pair]) -> Agreement:
    agreement = Agreement()
    for number, one in enumerate(pairs):
        agreement.add(Joined(f"q{number}", None, one))
    return agreement


def some_pairs(count: int, seed: int = 1) -> list[Pair]:
    draw = np.random.default_rng(seed)
    probabilities = draw.beta(2, 1, count).round(4)
    people = draw.random(count) < probabilities**2
    return [
        pair(float(p), bool(right), judge=f"judge@{1 + n % 2}", route="ab"[n % 3 == 0])
        for n, (p, right) in enumerate(zip(probabilities, people, strict=True))
    ]


def test_kappa_brier_and_the_reliability_curve_are_those_of_scikit_learn() -> None:
    """To rounding."""
    pairs = [*some_pairs(2000), pair(0.0), pair(0.3), pair(1.0, False)]
    people = [one.people for one in pairs]
    probabilities = [one.probability for one in pairs]
    found = agreement_of(pairs).figures()[0]
    assert found.kappa == pytest.approx(cohen_kappa_score([one.judged for one in pairs], people))
    assert found.brier == pytest.approx(brier_score_loss(people, probabilities))
    observed, predicted = calibration_curve(people, probabilities, n_bins=10)
    there = [one for one in found.reliability if one.count]
    assert [one.observed for one in there] == pytest.approx(observed)
    assert [one.predicted for one in there] == pytest.approx(predicted)
    assert sum(one.count for one in found.reliability) == found.table.pairs == len(pairs)


def test_figures_are_of_all_of_each_judge_and_of_each_of_its_routes() -> None:
    """The parts sum to the whole."""
    figures = agreement_of(some_pairs(300)).figures()
    names = [(one.judge, one.route) for one in figures]
    assert names == [
        (None, None),
        ("judge@1", None),
        ("judge@1", "a"),
        ("judge@1", "b"),
        ("judge@2", None),
        ("judge@2", "a"),
        ("judge@2", "b"),
    ]
    assert figures[0].table.pairs == 300
    assert sum(one.table.pairs for one in figures if one.judge and one.route is None) == 300
    assert sum(one.table.pairs for one in figures if one.route) == 300


def test_there_is_no_kappa_of_few_pairs_nor_where_both_always_say_the_same() -> None:
    """A perfect agreement of one kind of answer proves nothing."""
    few = [pair(0.9), pair(0.1, False)] * (LEAST_PAIRS // 2)
    assert agreement_of(few[1:]).figures()[0].kappa is None
    assert agreement_of(few).figures()[0].kappa == 1.0
    assert agreement_of([pair()] * LEAST_PAIRS).figures()[0].kappa is None
    assert kappa_of(Table(both=LEAST_PAIRS, judge_only=1)) == 0.0


def test_nothing_is_said_of_no_pairs() -> None:
    """Every bin is there, and empty."""
    found = Agreement().figures()
    assert [(one.judge, one.kappa, one.brier, one.agreed) for one in found] == [(None,) * 4]
    assert [one.count for one in found[0].reliability] == [0] * 10


several = st.lists(
    st.builds(
        pair,
        st.one_of(st.none(), st.floats(0, 1)),
        st.booleans(),
        judge=st.sampled_from(["judge@1", "judge@2"]),
        route=st.sampled_from(["a", "b"]),
    ),
    max_size=40,
)


@given(several, several)
def test_what_is_taken_back_leaves_no_trace(kept: list[Pair], gone: list[Pair]) -> None:
    """Exactly: no sum drifts."""
    agreement = agreement_of([*gone, *kept])
    for one in gone:
        agreement.add(Joined("q", one, None))
    assert agreement.figures() == agreement_of(kept).figures()


@given(several, several)
def test_parts_merge_to_the_whole_in_any_order(left: list[Pair], right: list[Pair]) -> None:
    """A pair may even be taken back in another part than that which added it."""
    one, other = agreement_of(left), agreement_of(right)
    moved = [Joined("q", pair, None) for pair in left]
    for change in moved:
        other.add(change)
    one.merge(Agreement(other.snapshot()))
    assert one.figures() == agreement_of(right).figures()
