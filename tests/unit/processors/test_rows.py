"""Changes to rows, without an index."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.index import OPEN, Access
from processors.lexical import LexicalSpec
from processors.rows import (
    PART_CHARACTERS,
    Record,
    RowPlan,
    demand,
    document_key,
    document_row,
    passage_key,
    passage_row,
    plan,
    unit_key,
)
from schemas.index import IndexChange
from tests.doubles.library import Library

SPEC = LexicalSpec()


def rows(*changes: list[IndexChange]) -> RowPlan:
    return plan([part for some in changes for part in some], SPEC)


def test_what_is_gained_is_inserted_open():
    """A row for each unit, for the passage, and for the document."""
    made = rows(Library().put("d", {"p": ["one", "two"]}, 10))
    assert [(r.id, r.owner, r.valid_from, r.valid_to) for r in made.units.insert] == [
        ("d/p/one", "d/p", 10, OPEN),
        ("d/p/two", "d/p", 10, OPEN),
    ]
    assert [(r.id, r.owner) for r in made.texts.insert] == [("d/p", "d"), ("d", "d")]
    assert made.units.close == made.texts.close == []


def test_what_is_lost_is_closed_at_the_change():
    """Of the units only those that are gone; the passage and the document have new rows."""
    library = Library()
    library.put("d", {"p": ["one", "two"]}, 10)
    made = rows(library.put("d", {"p": ["one", "six"]}, 20))
    assert [(c.key, c.valid_from, c.valid_to) for c in made.units.close] == [
        (unit_key("d/p/two"), 10, 20)
    ]
    assert {c.key for c in made.texts.close} == {passage_key("d/p"), document_key("d")}
    assert [record.id for record in made.units.insert] == ["d/p/six"]


def test_what_a_batch_gains_and_loses_is_inserted_closed():
    """So that states within the batch can be read later, and nothing is left to close."""
    library = Library()
    made = rows(library.put("d", {"p": ["one"]}, 10), library.delete("d", 20))
    assert [record.valid_to for record in made.units.insert + made.texts.insert] == [20] * 3
    assert made.units.close == made.texts.close == []


def test_the_copies_of_a_row_differ_in_their_primary_key():
    """And agree on the one they have while the row is open."""
    (record,) = rows(Library().put("d", {"p": ["one"]}, 10)).units.insert
    closed = record.closed(20)
    assert record.pk == record.open_pk == closed.open_pk
    assert closed.pk == closed.closed_pk == record.closed_pk != record.pk


@pytest.mark.parametrize("characters", [1, PART_CHARACTERS, 3 * PART_CHARACTERS])
def test_a_long_body_is_cut_into_rows_and_read_whole(characters: int):
    """Only the first of them can be found by its words."""
    made = rows(Library().put("d", {"p": ["漢" * characters]}, 10))
    passage = [record for record in made.texts.insert if record.id == "d/p"]
    assert all(len(record.body.encode()) < 2**16 for record in passage)
    assert {record.parts for record in passage} == {len(passage)}
    assert [0 in record.vector for record in passage] == [False] + [True] * (len(passage) - 1)
    assert passage_row(reversed(passage)).text == "漢" * characters


def test_a_document_is_told_where_its_passages_stand():
    """By absolute spans, gathered from all parts of the change."""
    made = rows(Library().put("d", {"p": ["one", "two"], "q": ["six"]}, 10))
    document = document_row(record for record in made.texts.insert if record.id == "d")
    assert document.layout == {"d/p": (0, 7), "d/q": (8, 11)}
    assert (document.valid_from, document.title, document.offset) == (10, "On d", 10)


@given(st.text(), st.text())
def test_different_ids_have_different_keys_of_bounded_length(one: str, other: str):
    """Made of characters that need no escaping."""
    assert (unit_key(one) == unit_key(other)) == (one == other)
    assert unit_key(one)[1:].isalnum()
    assert len({len(unit_key(one)), len(document_key(other)), 33}) == 1


@given(
    st.text(),
    st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())),
)
def test_what_a_reader_asks_for_holds_only_hashes(tenant: str, filters: dict[str, object]):
    """So no filter can end and begin another."""
    asked = demand(Access(tenant=tenant, filters=filters))
    assert asked.acl is not None
    tokens = [*asked.acl[1:], *(token for group in asked.tags for token in group)]
    assert all(len(token) == 32 and token.isalnum() for token in tokens)


def test_a_tenant_of_the_name_everyone_is_one_tenant():
    """The star in a row is not the hash of a star."""
    record = Record(
        key="u",
        id="u",
        owner="p",
        valid_from=1,
        valid_to=2,
        acl=["*"],
        tags=[],
        body="",
        vector=b"",
    )
    listed = demand(Access(tenant="*")).acl
    assert listed is not None
    assert listed[0] == "*"
    assert listed[1] != "*"
    assert demand(Access(tenant="anyone")).allows(record)
