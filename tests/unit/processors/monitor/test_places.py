"""Where the log must be read again: never past what waits in an open window."""

from hypothesis import given
from hypothesis import strategies as st

from processors.monitor.places import Reading


def test_what_was_read_before_nothing_was_taken_is_not_read_again():
    """Ticks, bad events and late ones wait in no window."""
    reading = Reading(7)
    assert reading.again(0) == 7
    reading.next = 12
    assert reading.again(0) == 12
    assert reading.newest == 0


def test_an_open_window_holds_the_place_back_until_it_is_closed():
    """Its events are nowhere else than in the log."""
    reading = Reading(0)
    reading.took(3, 100)
    reading.took(4, 90)
    reading.next = 5
    assert reading.again(90) == 3
    assert reading.again(100) == 3
    assert reading.again(101) == 5
    assert reading.newest == 100


@given(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=40),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_every_event_of_an_open_window_is_read_again(
    events: list[tuple[int, bool]], closed: list[int]
):
    """And the place never goes back, however late events are and whenever windows close."""
    reading = Reading(0)
    taken: list[tuple[int, int]] = []
    before, place = 0, 0
    for offset, (at, is_taken) in enumerate(events):
        if is_taken and at >= before:
            reading.took(offset, at)
            taken.append((offset, at))
        reading.next = offset + 1
        if closed and offset % 5 == 4:
            before = max(before, closed.pop())
        again = reading.again(before)
        assert place <= again <= reading.next
        assert all(again <= one for one, when in taken if when >= before)
        place = again
    assert reading.again(61) == reading.next
