"""A change in parts: none too large, nothing lost, whichever of its lists is the long one."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import parts as module
from processors.manifest import Delta
from processors.parts import PART_BYTES, Draft, parts
from schemas.codec import encode
from schemas.index import IndexChange, PassageGained, PassageSpan, RowRef, Source

CHANGE = IndexChange(
    doc_id="a",
    index_version="v1",
    index_time=7,
    source=Source(partition=0, offset=3),
    status="indexed",
)
NONE = Delta(
    layout=[],
    passages_gained=[],
    units_gained=[],
    passages_lost=[],
    units_lost=[],
    units_kept=0,
    df={},
    passages_delta=0,
)
ID = "0123456789abcdef" * 2
TIME = 1_700_000_000_000_000
MANY = 60_000
LONG: dict[str, Delta] = {
    "layout": msgspec.structs.replace(
        NONE, layout=[PassageSpan(ID, 1000 * n, 1000 * n + 999, TIME) for n in range(MANY)]
    ),
    "lost": msgspec.structs.replace(NONE, units_lost=[RowRef(ID, TIME)] * MANY),
    "terms": msgspec.structs.replace(NONE, df={f"語{n}": 1 for n in range(MANY)}),
    "units": msgspec.structs.replace(NONE, units_gained=[(ID, ID, ID)] * 2000),
    "passages": msgspec.structs.replace(
        NONE,
        passages_gained=[
            PassageGained(
                passage_id=ID, heading=[], text="語" * 900, terms={"語": 9}, units=[(ID, 0, 900)]
            )
        ]
        * 3000,
    ),
}


@pytest.mark.parametrize("case", LONG)
def test_no_part_is_much_larger_than_it_should_be(case: str) -> None:
    """Each is well under what a record may have."""
    sizes = [
        len(encode(part))
        for part in parts(Draft(change=CHANGE, delta=LONG[case]), {ID: bytes(384 * 4)})
    ]
    assert len(sizes) > 1
    assert max(sizes) < 1.5 * PART_BYTES


@given(
    st.builds(
        Delta,
        layout=st.lists(st.builds(PassageSpan, st.text(), *[st.integers(0, 99)] * 3), max_size=5),
        passages_gained=st.just([]),
        units_gained=st.lists(st.tuples(st.text(), st.text(), st.just(ID)), max_size=5),
        passages_lost=st.lists(st.builds(RowRef, st.text(), st.integers(0, 99)), max_size=5),
        units_lost=st.lists(st.builds(RowRef, st.text(), st.integers(0, 99)), max_size=5),
        units_kept=st.just(0),
        df=st.dictionaries(st.text(), st.integers(-3, 3), max_size=5),
        passages_delta=st.integers(-3, 3),
    ),
    st.integers(1, 6000),
)
def test_the_parts_together_say_what_the_delta_says(delta: Delta, size: int) -> None:
    """In order, each thing once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PART_BYTES", size)
        found = list(parts(Draft(change=CHANGE, delta=delta)))
    assert [(part.part, part.parts) for part in found] == [
        (number, len(found)) for number in range(len(found))
    ]
    assert [span for part in found for span in part.layout] == delta.layout
    assert [row for part in found for row in part.passages_lost] == delta.passages_lost
    assert [row for part in found for row in part.units_lost] == delta.units_lost
    units = [(u.unit_id, u.passage_id, u.embed_key) for part in found for u in part.units_gained]
    assert units == delta.units_gained
    assert [term for part in found for term in part.df.items()] == list(delta.df.items())
    assert sum(part.passages_delta for part in found) == delta.passages_delta


def test_a_missing_vector_is_an_error() -> None:
    """A unit without one must never come to the log."""
    draft = Draft(change=CHANGE, delta=LONG["units"])
    with pytest.raises(KeyError):
        list(parts(draft, {}))
