"""Whole changes out of records: every reader comes to the same steps."""

from hypothesis import given
from hypothesis import strategies as st

from processors.assemble import Assembled, Assembler
from schemas.index import IndexChange, IndexEvent, IndexTick, Source


def change(time: int, offset: int, part: int = 0, parts: int = 1, doc: str = "a") -> IndexChange:
    """A part of a change."""
    return IndexChange(
        doc_id=doc,
        index_version="v1",
        index_time=time,
        source=Source(partition=0, offset=offset),
        status="indexed",
        part=part,
        parts=parts,
    )


def tick(time: int, applied: int) -> IndexTick:
    """A tick."""
    return IndexTick(index_version="v1", index_time=time, applied=applied)


def steps(*events: IndexEvent, assembler: Assembler | None = None) -> list[Assembled]:
    """What the events come to."""
    assembler = assembler or Assembler()
    return [step for event in events if (step := assembler.add(event)) is not None]


def test_a_change_counts_with_its_last_part() -> None:
    """Not before, and with all of them in order."""
    parts = [change(5, 0, part, 3) for part in range(3)]
    assembler = Assembler()
    assert assembler.add(parts[0]) is None
    assert assembler.add(parts[1]) is None
    assert assembler.add(parts[2]) == Assembled(index_time=5, applied=0, parts=parts)


def test_orphaned_parts_are_passed_over() -> None:
    """A crash left them; the whole change follows at a later time, or something else does."""
    orphans = [change(5, 0, part, 3) for part in range(2)]
    whole = [change(7, 0, part, 2) for part in range(2)]
    (step,) = steps(*orphans, *whole)
    assert step.parts == whole
    assert [step.index_time for step in steps(*orphans, tick(6, -1), change(8, 0))] == [6, 8]


def test_parts_of_two_writers_are_never_mixed() -> None:
    """A part that fits by its number, but not by its time, is another change's."""
    assert steps(change(5, 0, 0, 2), change(6, 0, 1, 2)) == []


def test_another_writer_in_between_ends_a_change_for_every_reader() -> None:
    """Also for one that begins at a later step, to whom that writer's event is an old one."""
    events = [change(2, 0, 0, 2), tick(1, -1), change(2, 0, 1, 2)]
    (first,) = steps(*events)
    assert steps(*events, assembler=Assembler(first.index_time, first.applied)) == []


def test_the_first_change_of_an_offset_counts() -> None:
    """What another indexer wrote once more is passed over, and so is what goes back in time."""
    found = steps(change(5, 0), change(6, 0, doc="b"), change(4, 1), change(7, 1))
    assert [(step.index_time, step.applied) for step in found] == [(5, 0), (7, 1)]


def test_a_tick_accounts_for_offsets_and_never_takes_one_back() -> None:
    """Events without a document have no change; a tick covers them."""
    found = steps(change(5, 3), tick(6, 5), tick(7, 2), change(8, 4), change(9, 6))
    assert [step.applied for step in found] == [3, 5, 5, 6]


@given(
    st.lists(
        st.one_of(
            st.builds(
                change, st.integers(1, 9), st.integers(0, 5), st.integers(0, 2), st.integers(1, 3)
            ),
            st.builds(tick, st.integers(1, 9), st.integers(-1, 5)),
        )
    ),
    st.data(),
)
def test_reading_again_from_any_step_gives_the_same_steps(
    events: list[IndexEvent], data: st.DataObject
) -> None:
    """Times and offsets only grow; a reader that starts at a known step goes on the same way."""
    assembler, found, places = Assembler(), [], []
    for place, event in enumerate(events):
        if (step := assembler.add(event)) is not None:
            found.append(step)
            places.append(place + 1)
    times = [step.index_time for step in found]
    assert times == sorted(set(times))
    applied = [step.applied for step in found]
    assert applied == sorted(applied)
    if found:
        known = data.draw(st.integers(0, len(found) - 1))
        later = Assembler(found[known].index_time, found[known].applied)
        begin = data.draw(st.sampled_from([0, places[known]]))
        assert steps(*events[begin:], assembler=later) == found[known + 1 :]
