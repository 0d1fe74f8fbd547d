"""Windows by event time: the same whatever order events arrive in, and nothing counted twice."""

from hypothesis import given
from hypothesis import strategies as st

from processors.drift.windows import ClosedWindow, Part, Row, Windows, WindowSpec

SPEC = WindowSpec(length=10, lateness=15)
PARTS = (Part("acme", "default"), Part("acme", "canary"), Part("umbrella", "default"))
END = 10_000

Arrival = tuple[Part, Row]


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Arrival], list[Arrival]]:
    """Events in order of time; and as they arrive, none later than allowed, some twice."""
    times = draw(st.lists(st.integers(0, 200), max_size=40))
    events = [
        (draw(st.sampled_from(PARTS)), Row(f"e{number}", at, float(number)))
        for number, at in enumerate(sorted(times))
    ]
    copies = [
        (event, event[1].at + draw(st.integers(0, SPEC.lateness)))
        for event in events
        for _ in range(draw(st.integers(1, 2)))
    ]
    # Who arrives by at + lateness has been overtaken by nobody more than the lateness younger.
    return events, [event for event, _ in sorted(copies, key=lambda copy: copy[1])]


def windows_of(events: list[Arrival], windows: Windows | None = None) -> list[ClosedWindow]:
    """Every window, closed as soon as it can be."""
    windows = windows or Windows(SPEC)
    closed: list[ClosedWindow] = []
    for part, row in events:
        windows.add(part, row)
        closed += windows.close()
    windows.advance(END)
    return [*closed, *windows.close()]


@given(arrivals())
def test_any_order_within_the_lateness_gives_the_same_windows(
    both: tuple[list[Arrival], list[Arrival]],
) -> None:
    """The same rows in the same order, each event once, duplicates or not."""
    in_order, arrived = both
    found = windows_of(arrived)
    assert sorted(found, key=str) == sorted(windows_of(in_order), key=str)
    assert sorted(row.event_id for window in found for row in window.rows) == sorted(
        row.event_id for _, row in in_order
    )


@given(arrivals())
def test_a_window_holds_its_part_and_its_time(both: tuple[list[Arrival], list[Arrival]]) -> None:
    """Rows are by time, then id; no window is empty, and each comes once."""
    parts = {row.event_id: part for part, row in both[0]}
    found = windows_of(both[1])
    assert len({(window.part, window.start) for window in found}) == len(found)
    for window in found:
        assert window.rows
        assert list(window.rows) == sorted(window.rows, key=lambda row: (row.at, row.event_id))
        for row in window.rows:
            assert window.start <= row.at < window.end
            assert parts[row.event_id] == window.part


@given(st.lists(st.tuples(st.sampled_from(PARTS), st.integers(0, 300)), max_size=60))
def test_in_any_order_at_all_nothing_is_counted_twice(order: list[tuple[Part, int]]) -> None:
    """What is too late is said to be, and is in no window; all else is in one."""
    windows, closed, taken = Windows(SPEC), [], []
    for part, at in order:
        row = Row(f"{part.tenant}/{part.route}/{at}", at)
        if windows.add(part, row) == "taken":
            taken.append(row)
        closed += windows.close()
    windows.advance(END)
    closed += windows.close()
    counted = [row for window in closed for row in window.rows]
    assert sorted(counted, key=str) == sorted(taken, key=str)
    assert len({row.event_id for row in counted}) == len(counted)


@given(arrivals(), st.integers(0, 80))
def test_windows_go_on_from_a_snapshot(both: tuple[list[Arrival], list[Arrival]], cut: int) -> None:
    """Interrupted anywhere, the same windows close."""
    arrived = both[1]
    first = Windows(SPEC)
    closed: list[ClosedWindow] = []
    for part, row in arrived[:cut]:
        first.add(part, row)
        closed += first.close()
    closed += windows_of(arrived[cut:], Windows(SPEC, first.snapshot()))
    assert closed == windows_of(arrived)


def test_an_event_of_a_closed_window_is_late_and_a_repeated_one_a_duplicate() -> None:
    """Each is told, so that it can be counted."""
    windows, part = Windows(SPEC), PARTS[0]
    assert windows.add(part, Row("a", 5)) == "taken"
    assert windows.add(part, Row("a", 5)) == "duplicate"
    assert windows.add(part, Row("b", 25)) == "taken"
    assert [window.end for window in windows.close()] == [10]
    assert windows.add(part, Row("c", 9)) == "late"
    assert windows.add(PARTS[1], Row("c", 19)) == "taken"


def test_time_is_held_back_where_events_are_still_to_be_read() -> None:
    """A partition that is behind may have more for windows that the others have left."""
    windows, part = Windows(SPEC), PARTS[0]
    windows.add(part, Row("a", 5))
    windows.add(part, Row("b", 100))
    assert windows.close(24) == []
    assert windows.add(part, Row("c", 6)) == "taken"
    assert [len(window.rows) for window in windows.close(25)] == [2]
    assert windows.add(part, Row("d", 7)) == "late"
    assert windows.closed_before == 10


def test_a_time_without_events_has_no_window() -> None:
    """An empty window is none: nothing can be said of it."""
    windows = Windows(SPEC)
    windows.advance(END)
    assert list(windows.close()) == []


def test_an_idle_streams_windows_close_when_time_passes() -> None:
    """No event is needed for that."""
    windows = Windows(SPEC)
    windows.add(PARTS[0], Row("a", 5))
    assert list(windows.close()) == []
    windows.advance(25)
    assert [window.end for window in windows.close()] == [10]
