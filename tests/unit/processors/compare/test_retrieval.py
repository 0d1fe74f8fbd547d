"""Two retrievals beside each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.compare.retrieval import agreement, overlap

NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=6)


def named(ids: str, version: int = 1) -> list[str]:
    return [f"{one}@{version}" for one in ids]


@pytest.mark.parametrize(
    ("one", "other", "both", "order"),
    [
        ("abc", "abc", 1.0, 1.0),
        ("abc", "cba", 1.0, (0 + 1 / 2 + 1) / 3),
        ("abc", "xyz", 0.0, 0.0),
        ("abcd", "ab", 0.5, (1 + 1 + 2 / 3 + 2 / 4) / 4),
        ("", "a", 0.0, 0.0),
        ("", "", 1.0, 1.0),
    ],
)
def test_what_is_shared_counts_and_more_at_the_top(
    one: str, other: str, both: float, order: float
) -> None:
    """Overlap asks what, agreement in which order too."""
    assert overlap(named(one), named(other, 2)) == pytest.approx(both)
    assert agreement(named(one), named(other, 2)) == pytest.approx(order)


@given(NAMES, NAMES)
def test_both_are_shares_that_do_not_care_who_is_first(one: list[str], other: list[str]) -> None:
    """And 1 for nothing but the same."""
    mine, yours = named("".join(one)), named("".join(other))
    for alike in (overlap, agreement):
        assert 0 <= alike(mine, yours) <= 1
        assert alike(mine, yours) == pytest.approx(alike(yours, mine))
        assert alike(mine, mine) == pytest.approx(1)
    assert (agreement(mine, yours) > 1 - 1e-9) == (one == other)
