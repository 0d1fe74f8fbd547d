"""A judge calibrated from people's labels, beside scikit-learn's curves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import balanced_accuracy_score

from processors.feedback.calibrate import (
    Labelled,
    Method,
    TooFewLabelsError,
    WorseCalibrationError,
    apply,
    fit,
)
from schemas.codec import decode_as, encode
from schemas.control import Calibration

METHODS: tuple[Method, ...] = ("platt", "isotonic")


def overconfident(count: int, seed: int = 1) -> list[Labelled]:
    """Of a judge whose log-odds are three times too large and a little too high."""
    draw = np.random.default_rng(seed)
    meant = draw.beta(1.5, 1.5, count)
    right = draw.random(count) < meant
    said = 1 / (1 + np.exp(-3 * logit(meant) - 1))
    return [Labelled(float(p), bool(r)) for p, r in zip(said, right, strict=True)]


def calibration(points: list[tuple[float, float]]) -> Calibration:
    return Calibration(
        name="judge",
        version=2,
        method="isotonic",
        points=points,
        threshold=0.5,
        labels=30,
        revision=1,
        by="ana",
        why="test",
        at=0,
    )


@pytest.mark.parametrize("method", METHODS)
def test_an_overconfident_judge_is_corrected(method: Method) -> None:
    """On answers that were not learned from, too, and to what its probability means."""
    found = fit(overconfident(2000), method)
    assert found.brier_after < found.brier_before - 0.02
    curve = calibration(found.points)
    unseen = overconfident(5000, seed=2)
    before = np.mean([(one.probability - one.grounded) ** 2 for one in unseen])
    after = np.mean([(apply(curve, one.probability) - one.grounded) ** 2 for one in unseen])
    assert after < before - 0.02
    assert apply(curve, 1 / (1 + np.exp(-3 * logit(0.7) - 1))) == pytest.approx(0.7, abs=0.06)


def test_the_isotonic_curve_is_scikit_learns() -> None:
    """Between its points and outside of them."""
    labelled = overconfident(300)
    curve = calibration(fit(labelled, "isotonic").points)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(
        [one.probability for one in labelled], [one.grounded for one in labelled]
    )
    places = np.linspace(0, 1, 501)
    assert [apply(curve, float(p)) for p in places] == pytest.approx(theirs.predict(places))


def test_a_platt_curve_recovers_the_line_it_came_from() -> None:
    """The log-odds by a third, less a third."""
    curve = calibration(fit(overconfident(20_000), "platt").points)
    for place in (0.02, 0.3, 0.5, 0.9, 0.999):
        assert logit(apply(curve, place)) == pytest.approx((logit(place) - 1) / 3, abs=0.08)


@pytest.mark.parametrize("method", METHODS)
def test_the_threshold_has_the_best_balanced_accuracy(method: Method) -> None:
    """No other does better on the labels."""
    labelled = overconfident(200)
    found = fit(labelled, method, force=True)
    curve = calibration(found.points)
    people = [one.grounded for one in labelled]
    told = np.array([apply(curve, one.probability) for one in labelled])
    scores = [balanced_accuracy_score(people, told >= height) for height in (*told, 1.1)]
    mine = balanced_accuracy_score(people, told >= found.threshold)
    assert mine == pytest.approx(max(scores)) == pytest.approx(found.balanced_accuracy)


@pytest.mark.parametrize("method", METHODS)
def test_too_few_labels_or_one_kind_only_are_refused(method: Method) -> None:
    """The message says what there was and what is needed."""
    with pytest.raises(TooFewLabelsError, match="29 labelled answers; at least 30"):
        fit(overconfident(29), method)
    with pytest.raises(TooFewLabelsError, match="40 labels say grounded and 0 say not"):
        fit([Labelled(0.9, True)] * 40, method)


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_that_does_not_help_is_refused_unless_forced(method: Method) -> None:
    """A judge that is right already, or one whose word means nothing more than its mean."""
    draw = np.random.default_rng(3)
    said = draw.beta(1, 1, 60).round(2)
    right = draw.random(60) < said
    perfect = [Labelled(float(p), bool(r)) for p, r in zip(said, right, strict=True)]
    with pytest.raises(WorseCalibrationError, match="it would not help"):
        fit(perfect, method)
    assert fit(perfect, method, force=True).labels == 60


@pytest.mark.parametrize("method", METHODS)
def test_a_judge_that_always_says_the_same_gets_a_level_curve(method: Method) -> None:
    """The share that people call grounded, about."""
    constant = [Labelled(0.9, number % 2 == 0) for number in range(60)]
    found = fit(constant, method)
    assert apply(calibration(found.points), 0.9) == pytest.approx(0.5, abs=0.02)
    assert found.balanced_accuracy == 0.5


@pytest.mark.parametrize("method", METHODS)
def test_what_is_learned_can_be_written_to_the_log(method: Method) -> None:
    """Its points pass the schema and come back as they were."""
    curve = calibration(fit(overconfident(3000), method).points)
    assert decode_as(Calibration, encode(curve)).points == curve.points


labels = st.lists(
    st.builds(Labelled, st.floats(0, 1), st.booleans()), min_size=30, max_size=60
).filter(lambda some: 5 <= sum(one.grounded for one in some) <= len(some) - 5)


@settings(deadline=None, max_examples=30)
@given(labels, st.sampled_from(METHODS), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_a_higher_probability_never_means_less(
    labelled: list[Labelled], method: Method, probabilities: list[float]
) -> None:
    """Whatever was learned; and it stays a probability."""
    found = fit(labelled, method, force=True)
    assert 0 <= found.threshold <= 1
    told = [apply(calibration(found.points), one) for one in sorted(probabilities)]
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1
