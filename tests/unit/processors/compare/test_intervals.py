"""Intervals hold what they promise: over many made-up experiments, and beside textbooks."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from processors.compare import intervals
from processors.compare.intervals import Interval
from processors.compare.sample import Floats, Sample

RUNS = 1500
ROUGHLY = (0.935, 0.975)
"""Where the share of 1,500 experiments lies whose intervals hold, if 95% do, and a bit wider: some
intervals are known to be careful, or a little short for skewed values."""

Rng = np.random.Generator


def alone(values: Floats) -> Sample:
    """Each answer a unit of its own."""
    return Sample(values.astype(np.float64), np.arange(len(values)))


def sessions(rng: Rng, groups: int, draw: Callable[[int], Floats]) -> Sample:
    """Sessions of 1 to 15 answers; `draw` gives a session's answers."""
    drawn = [draw(int(size)) for size in rng.integers(1, 16, groups)]
    units = np.repeat(np.arange(groups), [len(one) for one in drawn])
    return Sample(np.concatenate(drawn).astype(np.float64), units)


def of_taste(rng: Rng, groups: int, share: float) -> Sample:
    """Shares that differ from session to session, about `share`."""
    return sessions(
        rng, groups, lambda size: rng.random(size) < rng.beta(3 * share, 3 * (1 - share))
    )


def holds(interval: Interval, truth: float) -> bool:
    low, high = interval.low, interval.high
    return (low is None or low <= truth) and (high is None or truth <= high)


def covered(experiment: Callable[[Rng], tuple[Interval, float]], runs: int = RUNS) -> float:
    rng = np.random.default_rng(7)
    return sum(holds(*experiment(rng)) for _ in range(runs)) / runs


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("count", [40, 400])
def test_the_interval_of_a_share_holds_it(share: float, count: int) -> None:
    """Near 0 and 1 and of few answers too."""

    def experiment(rng: Rng) -> tuple[Interval, float]:
        return intervals.share(alone(rng.random(count) < share), 0.95), share

    assert 0.925 <= covered(experiment) <= 0.99


def test_a_share_of_long_sessions_is_less_certain_than_its_answers_are_many() -> None:
    """By sessions the interval holds; by answers it would hold far too seldom."""

    def by_session(rng: Rng) -> tuple[Interval, float]:
        return intervals.share(of_taste(rng, 60, 0.7), 0.95), 0.7

    def by_answer(rng: Rng) -> tuple[Interval, float]:
        return intervals.share(alone(of_taste(rng, 60, 0.7).values), 0.95), 0.7

    assert ROUGHLY[0] <= covered(by_session) <= ROUGHLY[1]
    assert covered(by_answer) < 0.85


def test_the_interval_of_a_mean_holds_it() -> None:
    """Of skewed values, as tokens and money are, by sessions."""

    def experiment(rng: Rng) -> tuple[Interval, float]:
        values = sessions(rng, 150, lambda size: rng.lognormal(0.0, 0.6, size) * rng.gamma(4, 0.25))
        return intervals.mean(values, 0.95), float(np.exp(0.18))

    assert 0.92 <= covered(experiment) <= ROUGHLY[1]


@pytest.mark.parametrize("at", [0.5, 0.95])
@pytest.mark.parametrize("groups", [30, 300])
def test_the_interval_of_a_quantile_holds_it(at: float, groups: int) -> None:
    """Of so few answers that nothing can be said, it says nothing."""
    truth = float(np.exp(stats.norm.ppf(at) * np.sqrt(0.5)))

    def experiment(rng: Rng) -> tuple[Interval, float]:
        def session(size: int) -> Floats:
            return np.exp(rng.normal(0, 0.5, size) + rng.normal(0, 0.5))

        return intervals.quantile(sessions(rng, groups, session), at, 0.95), truth

    assert 0.925 <= covered(experiment, 600) <= 0.995


def test_the_difference_of_two_shares_is_held() -> None:
    """Branches of very different size, by sessions."""

    def experiment(rng: Rng) -> tuple[Interval, float]:
        one, other = of_taste(rng, 200, 0.75), of_taste(rng, 40, 0.6)
        shares = (intervals.share(each, 0.95) for each in (one, other))
        return intervals.difference(*shares), 0.75 - 0.6

    assert ROUGHLY[0] <= covered(experiment) <= 0.985


def test_the_difference_of_two_means_is_held() -> None:
    """Of different spread and size; of few skewed values it is a little short."""

    def experiment(rng: Rng) -> tuple[Interval, float]:
        one, other = rng.gamma(4, 50, 200), rng.gamma(2, 90, 50)
        return intervals.difference_of_means(alone(one), alone(other), 0.95), 200 - 180

    assert 0.92 <= covered(experiment) <= ROUGHLY[1]


def test_the_difference_of_two_quantiles_is_held() -> None:
    """Careful, if anything."""
    truth = float(np.exp(stats.norm.ppf(0.95) * 0.5)) * (300 - 200)

    def experiment(rng: Rng) -> tuple[Interval, float]:
        drawn = (scale * rng.lognormal(0, 0.5, 400) for scale in (300, 200))
        return intervals.difference(
            *(intervals.quantile(alone(each), 0.95, 0.95) for each in drawn)
        ), truth

    assert ROUGHLY[0] <= covered(experiment) <= 0.99


@pytest.mark.parametrize(("only_one", "only_other", "count"), [(0.1, 0.04, 60), (0.02, 0.0, 300)])
def test_the_difference_of_paired_shares_is_held(
    only_one: float, only_other: float, count: int
) -> None:
    """Of the same questions, most of which both answer alike."""

    def experiment(rng: Rng) -> tuple[Interval, float]:
        drawn = rng.random(count)
        values = np.where(drawn < only_one, 1, np.where(drawn > 1 - only_other, -1, 0))
        return intervals.paired_shares(alone(values), 0.95), only_one - only_other

    assert 0.93 <= covered(experiment) <= 0.99


def test_pairs_tell_more_than_two_branches_of_as_many_answers() -> None:
    """What makes a question hard is the same for both."""
    rng = np.random.default_rng(3)
    hard = rng.normal(0.7, 0.2, 300)
    one, other = (np.clip(hard + rng.normal(0, 0.02, 300), 0, 1) for _ in range(2))
    paired = intervals.paired_means(alone(one - other), 0.95)
    apart = intervals.difference_of_means(alone(one), alone(other), 0.95)
    assert width(paired) < width(apart) / 4


def test_of_many_differences_at_once_all_are_held() -> None:
    """Twelve comparisons of what is the same: with 95% none of them finds anything."""
    level = intervals.shared_out(0.95, 12)

    def none_differs(rng: Rng) -> bool:
        found = (
            intervals.difference_of_means(alone(rng.normal(size=80)), alone(rng.normal(size=80)), w)
            for w in [level] * 12
        )
        return all(holds(one, 0.0) for one in found)

    rng = np.random.default_rng(11)
    assert sum(none_differs(rng) for _ in range(400)) / 400 >= 0.93


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.sampled_from([0.8, 0.95, 0.999]))
def test_of_single_answers_a_share_has_wilsons_interval(values: list[bool], level: float) -> None:
    """As SciPy has it."""
    found = intervals.share(alone(np.array(values)), level)
    expected = stats.binomtest(sum(values), len(values)).proportion_ci(level, "wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


FEW = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30)


@given(FEW, FEW)
def test_of_single_answers_a_difference_of_means_is_welchs(
    one: list[float], other: list[float]
) -> None:
    """As SciPy has it."""
    samples = [np.array(values) for values in (one, other)]
    assume(all(float(np.ptp(values)) > 1e-3 for values in samples))
    found = intervals.difference_of_means(*map(alone, samples), 0.95)
    expected = stats.ttest_ind(*samples, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40),
    st.sampled_from([0.5, 0.95]),
)
def test_a_figure_lies_in_its_own_interval(rows: list[tuple[int, bool]], at: float) -> None:
    """However few the answers and the sessions are, and whatever they say."""
    sample = Sample.of(rows)
    for found in (
        intervals.share(sample, 0.95),
        intervals.mean(sample, 0.95),
        intervals.quantile(sample, at, 0.95),
        intervals.paired_shares(sample, 0.95),
    ):
        assert holds(found, found.value)
    assert 1 <= sample.effective() <= sample.count


def test_what_a_single_session_says_is_no_ground_for_a_mean() -> None:
    """Nor one answer for a quantile."""
    one = Sample.of([("s", 1.0), ("s", 2.0)])
    assert intervals.mean(one, 0.95) == Interval(1.5, None, None)
    assert intervals.quantile(one, 0.5, 0.95) == Interval(1.0, None, None)
    unknown = intervals.difference_of_means(one, one, 0.95)
    assert (unknown.low, unknown.high) == (None, None)
    assert intervals.difference(Interval(1, None, None), Interval(1, 0, 2)) == Interval(
        0, None, None
    )


def test_a_few_pairs_that_all_say_the_same_are_no_proof() -> None:
    """Three of three: a coin does that one time in four."""
    found = intervals.paired_shares(alone(np.ones(3)), 0.95)
    assert found.value == 1
    assert found.low is not None
    assert found.low < 0


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low
