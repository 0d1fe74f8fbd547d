"""How far two lists of passages are alike, whatever their passages are cut like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.overlap import Span, matched, overlap, rank_agreement

LISTS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


def spans(names: str | list[str]) -> list[Span]:
    """A document for each letter."""
    return [Span(name, 0, 10) for name in names]


def test_passages_of_two_cuts_are_one_where_they_share_most_of_the_shorter() -> None:
    """A long passage stands for each short one within it, but only for one of a list."""
    long = [Span("a", 0, 100)]
    assert matched(long, [Span("a", 40, 60)]) == [(0, 0)]
    assert matched(long, [Span("a", 90, 120)]) == []
    assert matched(long, [Span("b", 0, 100)]) == []
    assert overlap(long, [Span("a", 0, 50), Span("a", 50, 100)]) == pytest.approx(2 / 3)


def test_what_stands_on_top_counts_most() -> None:
    """An exchange of the first two weighs more than one of the last two."""
    one = spans("abcdef")
    assert rank_agreement(one, spans("bacdef")) < rank_agreement(one, spans("abcdfe")) < 1


def test_the_published_example_of_two_short_lists() -> None:
    """One of two in common at depth 2, nothing at depth 1, p = 0.9, by hand."""
    expected = (0.1 / 0.9) * (0.5 * 0.81) + 0.5 * 0.81
    assert rank_agreement(spans("ab"), spans("ca")) == pytest.approx(expected)


@given(LISTS, LISTS)
def test_both_figures_lie_between_nothing_and_all(one: list[str], other: list[str]) -> None:
    """They do not depend on which list comes first, and are whole for the same list twice."""
    for figure in (overlap, rank_agreement):
        value = figure(spans(one), spans(other))
        assert -1e-9 <= value <= 1 + 1e-9
        assert value == pytest.approx(figure(spans(other), spans(one)))
        assert figure(spans(one), spans(one)) == pytest.approx(1)
        if not set(one) & set(other) and (one or other):
            assert value == 0
