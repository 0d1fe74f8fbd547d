"""Which answers are compared with which, in whatever order the log has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.reports.choose import (
    CURRENT,
    MOST,
    REFERENCE,
    Answer,
    Chooser,
    Kept,
    Span,
    Wanted,
    Windows,
    evenly,
    newest,
    oldest,
)

MUCH = REFERENCE + CURRENT + 300


def answer(at: int, judged_at: int = 0) -> Answer:
    """The answer given at a time."""
    return Answer(at, f"q{at:06}", f"question {at}", {"relevance": float(at)}, judged_at)


def chosen(count: int, **more: object) -> Windows:
    """Of answers at 0, 1, .., newest first."""
    chooser = Chooser(Wanted(tenant="acme", **more))  # type: ignore[arg-type]
    for at in reversed(range(count)):
        chooser.add(answer(at))
    return chooser.chosen()


def times(found: list[Answer]) -> list[int]:
    return [one.at for one in found]


def test_the_newest_are_held_against_the_oldest() -> None:
    """Where nothing else is asked for."""
    found = chosen(MUCH)
    assert times(found.reference) == list(range(REFERENCE))
    assert times(found.current) == list(range(MUCH - CURRENT, MUCH))


@pytest.mark.parametrize("count", [0, 1, 2, 30, 140, 450, 650, REFERENCE + CURRENT])
def test_of_few_answers_each_is_in_one_window(count: int) -> None:
    """The older ones are the reference, about two thirds of them."""
    found = chosen(count)
    assert times([*found.reference, *found.current]) == list(range(count))
    assert len(found.reference) == count * REFERENCE // (REFERENCE + CURRENT)


def test_the_last_so_many_are_held_against_what_was_before_them() -> None:
    """However few there are in all."""
    found = chosen(100, last=40)
    assert (times(found.reference), times(found.current)) == (list(range(60)), list(range(60, 100)))


def test_times_are_kept_to() -> None:
    """Of both windows; what lies in both is the reference's alone."""
    found = chosen(MUCH, reference=Span(10, 50), current=Span(40, 90))
    assert (times(found.reference), times(found.current)) == (
        list(range(10, 50)),
        list(range(50, 90)),
    )
    before = chosen(MUCH, current=Span(100, 120))
    assert times(before.reference) == list(range(100))
    assert times(before.current) == list(range(100, 120))
    newest_of = chosen(MUCH, current=Span(100, 120), last=5)
    assert times(newest_of.current) == list(range(115, 120))


def test_of_more_than_are_kept_some_are_drawn_from_all_of_the_time() -> None:
    """And it is known of how many."""
    count = 3 * MOST
    found = chosen(count, reference=Span(0, 1), current=Span(1, count))
    assert len(found.current) == MOST
    assert found.drawn_from == (1, count - 1)
    thirds = [sum(at * 3 // count == third for at in times(found.current)) for third in range(3)]
    assert min(thirds) > MOST / 4


@given(st.lists(st.integers(0, 40), max_size=60), st.sampled_from([oldest, newest, evenly]))
def test_what_is_kept_does_not_depend_on_the_order(moments: list[int], rank: object) -> None:
    """Nor on how often an answer comes, and it is never more than allowed."""
    kept, other = Kept(8, rank), Kept(8, rank)  # type: ignore[arg-type]
    for at in moments:
        kept.add(answer(at))
    for at in sorted(set(moments)):
        other.add(answer(at))
    assert kept.all() == other.all()
    assert len(kept.all()) == min(8, len(set(moments)))


def test_of_two_evaluations_of_an_answer_the_newer_counts() -> None:
    """In either order."""
    first, second = answer(1, 5), answer(1, 6)._replace(figures={"relevance": 9.0})
    for both in ((first, second), (second, first)):
        kept = Kept(8, oldest)
        for one in both:
            kept.add(one)
        (found,) = kept.all()
        assert found.figures == {"relevance": 9.0}
