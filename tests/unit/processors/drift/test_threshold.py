"""Thresholds: simulated, the same each time, and higher the rarer an alarm may be."""

import numpy as np

from processors.drift.ratios import mix_ratios, novelty_ratios
from processors.drift.threshold import crossings, mix_threshold, novelty_threshold, topic_shares


def test_rarer_false_alarms_need_a_higher_threshold() -> None:
    """And chance is seeded."""
    often, seldom = (novelty_threshold(200, every, 1) for every in (500.0, 5000.0))
    assert often < seldom
    assert novelty_threshold.__wrapped__(200, 5000.0, 1) == seldom
    counts = np.array([50, 30, 20])
    assert mix_threshold(counts, 500.0, 1) < mix_threshold(counts, 5000.0, 1)


def test_an_alarm_that_goes_on_is_counted_once() -> None:
    """It ends below half the threshold, and not before."""
    paths = np.array([[0, 2, 1.2, 2, 0.5, 2], [2, 2, 0, 0, 0, 0]], np.float32)
    assert crossings(paths, 2.0) == 3


def test_ratios_are_of_densities() -> None:
    """Weighed by the chance of each event without a change, likelihood ratios come to one."""
    shares = topic_shares(np.array([10, 25, 0]))
    np.testing.assert_allclose(shares @ np.exp(mix_ratios(shares)), 1.0)
    middles = (np.arange(200_000) + 0.5) / 200_000
    np.testing.assert_allclose(np.exp(novelty_ratios(middles)).mean(axis=0), 1.0, atol=0.02)
