"""A bank of sums: the highest decides, and its last zero is when the change began."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.drift.cusum import Bank


def test_it_alarms_once_and_ends_once() -> None:
    """Between the threshold and half of it nothing changes."""
    bank = Bank(1, threshold=3.0)
    steps = [1.0, 1.0, 1.0, 1.0, -2.0, 1.0, -2.0, -1.0]
    changed = [bank.update(np.array([step]), n, n) for n, step in enumerate(steps)]
    assert [n for n, change in enumerate(changed) if change] == [2, 6]


def test_the_last_zero_of_the_highest_sum_is_when_it_began() -> None:
    """By the event's time and by its number."""
    bank = Bank(2, threshold=9.0)
    steps = [(1, -1), (-5, 1), (2, 1), (2, 1), (2, 1)]
    for number, step in enumerate(steps, 1):
        bank.update(np.array(step, float), number, 10 * number)
    assert bank.leader() == (0, 6.0, 20, 2)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=80))
def test_a_sum_is_never_negative_and_never_far_beyond_the_threshold(steps: list[float]) -> None:
    """So an alarm ends soon after its cause, however long that lasted."""
    bank = Bank(1, threshold=4.0)
    for number, step in enumerate(steps):
        bank.update(np.array([step]), number, number)
        assert 0.0 <= bank.leader()[1] <= 5.0
