"""When a part is started again."""

from hypothesis import given
from hypothesis import strategies as st

from streams.stack.backoff import Backoff, BackoffPolicy

POLICY = BackoffPolicy(first_s=0.5, factor=2.0, most_s=30.0, calm_s=60.0, attempts=3)


def test_each_end_in_a_row_doubles_the_wait_up_to_the_most():
    """Half a second, one, two, ... and never more than thirty."""
    backoff = Backoff(POLICY)
    waits = [backoff.ended(ready_for_s=1.0) for _ in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_calm_run_forgets_the_failures_before_it():
    """After a minute of good work a crash is the first again."""
    backoff = Backoff(POLICY)
    for _ in range(5):
        backoff.ended(ready_for_s=1.0)
    assert backoff.ended(ready_for_s=60.0) == 0.5


def test_a_part_that_was_never_ready_is_given_up():
    """Three starts without readiness: waiting longer mends nothing."""
    backoff = Backoff(POLICY)
    assert [backoff.ended(ready_for_s=None) for _ in range(3)] == [0.5, 1.0, None]


def test_a_part_that_was_once_ready_is_never_given_up():
    """Later failures may be another part's fault, which passes."""
    backoff = Backoff(POLICY)
    backoff.ended(ready_for_s=1.0)
    assert all(backoff.ended(ready_for_s=None) is not None for _ in range(50))


@given(st.integers(min_value=1, max_value=100_000))
def test_a_wait_is_always_within_its_bounds(failures: int):
    """However long it goes on."""
    assert POLICY.first_s <= POLICY.delay(failures) <= POLICY.most_s
