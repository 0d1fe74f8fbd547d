"""What retention may have taken is looked at; what it cannot have taken is not."""

from hypothesis import given
from hypothesis import strategies as st

from streams.archive.checkpoint import Range
from streams.archive.gaps import suspects

ranges = st.builds(
    lambda begin, size: Range(0, begin, begin + size), st.integers(0, 50), st.integers(0, 50)
)


@given(ranges, st.integers(0, 120))
def test_only_offsets_before_the_logs_beginning_are_suspect(batch: Range, start: int):
    """All of them, and of the batch alone."""
    found = {offset for each in suspects([batch], {0: start}) for offset in range(*each[1:])}
    assert found == {offset for offset in range(*batch[1:]) if offset < start}


def test_a_log_that_lost_nothing_is_not_looked_at():
    """Which is how it mostly is: no table is read for it."""
    assert suspects([Range(0, 7, 9), Range(1, 0, 4)], {0: 7, 1: 0}) == []
