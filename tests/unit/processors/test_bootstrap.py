"""Intervals hold as often as they say, and corrections are those of the books."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from processors.bootstrap import (
    benjamini_hochberg,
    holm,
    interval,
    mean_of,
    p_value,
    resampled_means,
)

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_a_mean_has_an_interval_around_it() -> None:
    """None where every question says the same, and the same one each time."""
    assert mean_of([0.5] * 9) == mean_of([0.5] * 9)
    assert (mean_of([0.5] * 9).low, mean_of([0.5] * 9).high) == (0.5, 0.5)
    mixed = mean_of([0.0, 1.0] * 20)
    assert mixed.low < mixed.value == 0.5 < mixed.high


def test_the_interval_is_the_percentile_interval_but_for_its_widening() -> None:
    """Held against scipy's bootstrap, at a size where widening no longer shows."""
    values = np.random.default_rng(7).exponential(size=2000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    ours = interval(resampled_means(values[:, None], 4000)[:, 0], len(values), 0.95)
    assert ours == pytest.approx((theirs.low, theirs.high), rel=0.01)


@pytest.mark.parametrize("size", [12, 40, 150])
def test_of_a_hundred_intervals_about_five_miss_the_truth(size: int) -> None:
    """Differences as they come: mostly none, else skewed to one side."""
    random = np.random.default_rng(size)
    trials, hits = 250, 0
    for _ in range(trials):
        values = random.choice([0.0, 0.0, 0.2, -0.3, 0.6, 1.0], size=size)
        means = resampled_means(values[:, None], 1000)[:, 0]
        low, high = interval(means, size, 0.95)
        hits += low <= 0.25 <= high
    assert 0.91 <= hits / trials <= 0.99


def test_where_nothing_differs_something_is_found_as_seldom_as_said() -> None:
    """About one in twenty times at 0.05."""
    random = np.random.default_rng(3)
    found = [
        p_value(resampled_means(random.normal(size=(30, 1)), 1000)[:, 0], 30) for _ in range(250)
    ]
    assert np.mean([p < 0.05 for p in found]) == pytest.approx(0.05, abs=0.03)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=12, max_size=40), st.floats(0.6, 0.99))
def test_a_p_value_is_small_just_where_the_interval_leaves_zero_out(
    values: list[float], confidence: float
) -> None:
    """Which is what inverting the interval means, but for a draw or two at its end."""
    means = resampled_means(np.array(values)[:, None], 500)[:, 0]
    low, high = interval(means, len(values), confidence)
    p = p_value(means, len(values))
    assert 0 < p <= 1
    if p < 1 - confidence - 0.03:
        assert low >= -1e-12 or high <= 1e-12
    if low > 1e-12 or high < -1e-12:
        assert p < 1 - confidence + 0.03


def test_what_a_question_lacks_does_not_count() -> None:
    """The other figures of that question do, and draws are shared."""
    table = np.array([[1.0, np.nan], [1.0, 3.0], [1.0, 5.0]])
    means = resampled_means(table, 200)
    assert (means[:, 0] == 1).all()
    assert np.nanmin(means[:, 1]) == 3
    assert np.nanmax(means[:, 1]) == 5


def test_draws_in_parts_are_the_draws_of_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory bounds how many are held, and changes nothing."""
    values = np.arange(50.0)[:, None]
    whole = resampled_means(values, 300)
    monkeypatch.setattr("processors.bootstrap._AT_ONCE", 1700)
    assert np.array_equal(resampled_means(values, 300), whole)


@settings(deadline=None)
@given(P_VALUES)
def test_false_discoveries_are_controlled_as_by_scipy(p_values: list[float]) -> None:
    """Benjamini and Hochberg's correction."""
    theirs = stats.false_discovery_control(p_values, method="bh")
    assert benjamini_hochberg(p_values) == pytest.approx(list(theirs))


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_holms_correction_is_the_closed_test_of_bonferronis(p_values: list[float]) -> None:
    """What is found false is so in every set of hypotheses that it is in (Marcus et al., 1976)."""
    every = range(len(p_values))
    sets = [some for size in every for some in combinations(every, size + 1)]
    theirs = [
        max(min(1.0, len(some) * min(p_values[at] for at in some)) for some in sets if one in some)
        for one in every
    ]
    assert holm(p_values) == pytest.approx(theirs)


def test_no_figures_need_no_correction() -> None:
    """An empty table is one, too."""
    assert holm([]) == benjamini_hochberg([]) == []
