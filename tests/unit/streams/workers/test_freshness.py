"""The broker's time of a document's event travels with the change that it makes."""

import pytest

from schemas.index import IndexChange, IndexTick, Source
from streams.workers import freshness

LOGGED = {(1, 7): 1_700_000_000_123_000}


def change(**fields: object) -> IndexChange:
    """A change that comes from offset 7 of partition 1."""
    given = {"status": "indexed", **fields}
    source = Source(partition=1, offset=7)
    return IndexChange(doc_id="d", index_version="v1", index_time=1, source=source, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["indexed", "deleted"])
def test_what_the_indexer_writes_the_writer_reads(status: str) -> None:
    """Beside the headers that every record has."""
    written = [("ce_id", b"x"), *freshness.header(change(status=status), LOGGED)]

    assert freshness.logged_at(written) == LOGGED[1, 7]


def test_a_change_in_parts_shows_with_its_last() -> None:
    """So it is counted once."""
    told = [freshness.header(change(part=part, parts=3), LOGGED) for part in range(3)]

    assert [len(each) for each in told] == [0, 0, 1]


@pytest.mark.parametrize("status", ["unchanged", "conflated", "late", "duplicate", "rejected"])
def test_what_shows_nothing_new_is_not_timed(status: str) -> None:
    """A reader sees no difference."""
    assert freshness.header(change(status=status), LOGGED) == []


def test_ticks_and_events_of_unknown_time_have_no_header() -> None:
    """Those that were logged before this was measured, for instance."""
    tick = IndexTick(index_version="v1", index_time=1, applied=7)

    assert freshness.header(tick, LOGGED) == []
    assert freshness.header(change(), {}) == []


@pytest.mark.parametrize("value", [None, b"", b"soon", b"-1", b"\xff", b"1.5"])
def test_a_header_that_cannot_be_read_counts_as_absent(value: bytes | None) -> None:
    """It stops nobody."""
    assert freshness.logged_at([(freshness.HEADER, value)]) is None
