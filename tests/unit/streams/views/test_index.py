"""The indexer's view: wherever it stops, it goes on to the same state."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.clock import IndexClock
from processors.manifest import Manifest, digest
from schemas.index import (
    IndexChange,
    IndexEvent,
    IndexTick,
    PassageGained,
    PassageSpan,
    Source,
    UnitGained,
)
from streams.views.index import IndexView

KEYS = [digest(letter) for letter in "abc"]


def gain(
    time: int, offset: int, doc: str = "a", parts: int = 1, id: str | None = None
) -> list[IndexEvent]:
    """A change, in parts, that gives a document one passage of as many units."""
    passage = digest(doc, str(offset))
    units = [digest(passage, str(number)) for number in range(parts)]
    return [
        IndexChange(
            doc_id=doc,
            index_version="v1",
            index_time=time,
            source=Source(partition=0, offset=offset, event_id=digest(id) if id else None),
            status="indexed",
            part=part,
            parts=parts,
            layout=[PassageSpan(passage, 0, 9, time)] if part == 0 else [],
            passages_gained=[
                PassageGained(
                    passage_id=passage,
                    heading=[],
                    text="x",
                    terms={},
                    units=[(unit, 0, 1) for unit in units],
                )
            ]
            if part == 0
            else [],
            units_gained=[
                UnitGained(
                    unit_id=units[part],
                    passage_id=passage,
                    embed_key=KEYS[part],
                    vector=bytes([part] * 4),
                )
            ],
        )
        for part in range(parts)
    ]


def tick(time: int, applied: int) -> IndexTick:
    """A tick."""
    return IndexTick(index_version="v1", index_time=time, applied=applied)


LOG: list[IndexEvent] = [
    *gain(1, 0, parts=3, id="x"),
    tick(5, 1),
    *gain(6, 2, parts=3)[:2],
    *gain(9, 2, doc="b", parts=2),
    *gain(10, 2, doc="b"),
    tick(12, 4),
    *gain(20, 5, doc="a", id="y"),
]
RECORDS = [(0, offset, event) for offset, event in enumerate(LOG)]


@pytest.fixture
def view(tmp_path: Path) -> Iterator[IndexView]:
    opened = IndexView(tmp_path / "view.sqlite", IndexClock())
    yield opened
    opened.close()


def whole(view: IndexView) -> tuple[object, ...]:
    """All that can be asked of it."""
    manifests: list[Manifest | None] = [view.manifest(doc) for doc in "abc"]
    seen = [view.seen(digest(name)) for name in "xyz"]
    return manifests, view.vectors(KEYS), view.known(KEYS), seen, view.place(0), view.applied(0)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=10))
def test_any_batches_and_restarts_come_to_the_same_state(moves: list[tuple[int, bool]]) -> None:
    """After a restart it goes on from `next_offset`, perhaps reading some records again."""
    with TemporaryDirectory() as folder:
        straight = IndexView(Path(folder) / "straight", IndexClock())
        straight.apply(RECORDS)
        view = IndexView(Path(folder) / "view", IndexClock())
        place = 0
        for count, restart in [*moves, (len(LOG), False), (len(LOG), False)]:
            view.apply(RECORDS[place : place + count])
            place += count
            if restart:
                view.close()
                view = IndexView(Path(folder) / "view", IndexClock())
                place = view.place(0).next_offset
        assert whole(view) == whole(straight)
        view.close()
        straight.close()


def test_the_position_moves_with_whole_changes_only(view: IndexView) -> None:
    """A change of which only the first parts were read must be read again."""
    view.apply(RECORDS[:2])
    assert view.place(0) == (0, 0, -1)
    view.apply(RECORDS[2:3])
    assert view.place(0) == (3, 1, 0)
    assert view.place(1) == (0, 0, -1)


def test_a_record_that_does_not_fit_leaves_everything_as_it_was(view: IndexView) -> None:
    """All of a batch or none of it."""
    view.apply(RECORDS[:3])
    before = whole(view)
    hole = IndexChange(
        doc_id="a",
        index_version="v1",
        index_time=8,
        source=Source(partition=0, offset=2),
        status="indexed",
        layout=[PassageSpan(digest("never there"), 0, 1, 3)],
    )
    with pytest.raises(KeyError):
        view.apply([(0, 3, tick(7, 1)), (0, 4, hole)])
    assert whole(view) == before


def test_the_clock_learns_the_times_of_the_log(tmp_path: Path) -> None:
    """From what is applied, and from what was applied before a restart."""
    clock = IndexClock()
    view = IndexView(tmp_path / "view", clock)
    view.apply(RECORDS)
    assert clock.next(0, 1) == 21
    view.close()
    again = IndexClock()
    IndexView(tmp_path / "view", again).close()
    assert again.next(0, 1) == 21


def test_a_rejected_event_may_come_again(view: IndexView) -> None:
    """Its id is not taken for handled."""
    (change,) = gain(3, 0, id="z")
    assert isinstance(change, IndexChange)
    rejected = IndexChange(
        doc_id="a", index_version="v1", index_time=3, source=change.source, status="rejected"
    )
    view.apply([(0, 0, rejected)])
    assert not view.seen(digest("z"))
    assert view.applied(0) == 0


def test_a_cleared_view_knows_nothing(view: IndexView) -> None:
    """And can be filled again from the beginning."""
    view.apply(RECORDS)
    before = whole(view)
    view.clear()
    assert view.place(0) == (0, 0, -1)
    assert view.manifest("a") is None
    assert view.known(KEYS) == set()
    view.apply(RECORDS)
    assert whole(view) == before


def test_many_keys_are_asked_for_at_once(view: IndexView) -> None:
    """More than a statement takes."""
    view.apply(RECORDS)
    keys = [digest(str(number)) for number in range(1200)]
    assert view.known([*keys, *KEYS]) == set(KEYS)
    assert view.vectors([*keys, KEYS[1]]) == {KEYS[1]: b"\1\1\1\1"}


def test_what_other_versions_embedded_is_known_and_taken_up_where_it_was_left(
    tmp_path: Path,
) -> None:
    """It changes nothing else; begun anew, it is read anew."""
    path = tmp_path / "view.sqlite"
    view = IndexView(path, IndexClock())
    view.seed("index.changes", {0: 3}, {KEYS[0]: b"abcd"})
    view.seed("index.changes", {0: 5, 1: 2}, {KEYS[0]: b"other", KEYS[1]: b"efgh"})
    view.close()
    view = IndexView(path, IndexClock())
    assert view.seeded("index.changes") == {0: 5, 1: 2}
    assert view.seeded("index.changes.v2") == {}
    assert view.vectors(KEYS) == {KEYS[0]: b"abcd", KEYS[1]: b"efgh"}
    assert (view.applied(0), view.manifest("a")) == (-1, None)
    view.clear()
    assert view.seeded("index.changes") == {}
    assert view.known(KEYS) == set()
    view.close()
