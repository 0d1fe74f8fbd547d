"""What two states of the index differ in, by the texts of what they hold."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from processors.indexdiff import GONE, Contents, difference
from schemas.index import IndexChange, PassageGained, PassageSpan, Source

Cut = dict[str, str]
"""Passage id to its text: one unit of its whole length."""


def indexed(
    doc_id: str, at: int, gained: Cut, kept: Sequence[str] = (), text: str | None = None
) -> IndexChange:
    """A document's new version."""
    spans = [PassageSpan(name, 0, 1, at) for name in (*kept, *gained)]
    return IndexChange(
        doc_id=doc_id,
        index_version="v1",
        index_time=at,
        source=Source(partition=0, offset=at),
        status="indexed",
        title=doc_id.upper(),
        text_hash=" ".join([*kept, *gained.values()]) if text is None else text,
        layout=spans,
        passages_gained=[
            PassageGained(
                passage_id=name, heading=[], text=said, terms={}, units=[("u", 0, len(said))]
            )
            for name, said in gained.items()
        ],
    )


def deleted(doc_id: str, at: int) -> IndexChange:
    """A deletion."""
    source = Source(partition=0, offset=at)
    return IndexChange(
        doc_id=doc_id, index_version="v1", index_time=at, source=source, status="deleted"
    )


def contents(*changes: IndexChange, at: int | None = None, only: str | None = None) -> Contents:
    """A fold of these."""
    found = Contents(at, only)
    for change in changes:
        found.add(0, change.index_time, [change])
    return found


EDITED = (
    indexed("a", 1, {"p": "first", "q": "second"}),
    indexed("b", 2, {"r": "third"}),
    indexed("a", 3, {"q": "other"}, kept=["p"]),
    deleted("b", 4),
    indexed("c", 5, {"s": "new"}),
)


def test_one_version_at_two_times_differs_by_what_came_between() -> None:
    """Passage by passage: what was kept is in both."""
    found = difference(contents(*EDITED, at=2), contents(*EDITED))
    assert [(one.doc_id, one.kind) for one in found.examples] == [
        ("a", "changed"),
        ("b", "only_one"),
        ("c", "only_other"),
    ]
    assert (found.examples[0].only_one, found.examples[0].only_other) == (["second"], ["other"])
    counts = found.passages
    assert (counts.both, counts.only_one, counts.only_other) == (1, 2, 2)
    assert found.differs


def test_names_and_times_do_not_matter() -> None:
    """Only what is said: two versions call the same passage by two names."""
    one = contents(indexed("a", 1, {"p": "first", "q": "second"}, text="t"))
    other = contents(indexed("a", 9, {"x": "first", "y": "second"}, text="t"))
    assert not difference(one, other).differs


def test_the_same_text_in_other_passages_is_cut_otherwise() -> None:
    """It is no other text."""
    one = contents(indexed("a", 1, {"p": "first", "q": "second"}, text="t"))
    other = contents(indexed("a", 1, {"x": "first second"}, text="t"))
    found = difference(one, other)
    assert (found.changed, found.cut, found.examples[0].kind) == (0, 1, "cut")


def test_a_text_that_is_gone_from_the_log_is_said_to_be() -> None:
    """What was gained before the log begins has no text, and is no crash."""
    found = contents(indexed("a", 3, {"q": "other"}, kept=["p"]))
    assert next(iter(found.documents["a"].pieces.values())) == GONE


def test_one_document_is_looked_at_alone_and_in_full() -> None:
    """The others are not even read."""
    long = "word " * 200
    found = contents(indexed("a", 1, {"p": long}), indexed("b", 2, {"q": "b"}), only="a")
    assert found.documents.keys() == {"a"}
    assert found.documents["a"].pieces["p"].shown == long


@given(st.integers(0, 6), st.integers(0, 6))
def test_the_other_way_round_it_is_the_mirror(one: int, other: int) -> None:
    """And nothing differs from itself."""
    states = contents(*EDITED, at=one), contents(*EDITED, at=other)
    there, back = difference(*states), difference(*states[::-1])
    assert (there.documents.only_one, there.passages.only_one, there.units.only_one) == (
        back.documents.only_other,
        back.passages.only_other,
        back.units.only_other,
    )
    assert (there.changed, there.cut) == (back.changed, back.cut)
    assert there.differs == any(one.documents != two.documents for one, two in [states])
    assert not difference(states[0], states[0]).differs
