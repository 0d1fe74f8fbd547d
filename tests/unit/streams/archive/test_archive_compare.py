"""The comparison finds each fault by its kind, and nothing else."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from streams.archive.compare import Comparison, Counts, Seen

rows = st.builds(Seen, st.integers(0, 2), st.integers(0, 9), st.integers(0, 1))


def compared(log: list[Seen], archived: list[Seen]) -> Counts:
    """All of the one beside all of the other."""
    found = Comparison("queries", iter(sorted(archived)))
    for record in log:
        found.logged(record)
    return found.end()


@given(st.lists(rows, unique_by=lambda row: row.place), st.lists(rows))
def test_faults_are_those_that_sets_find(log: list[Seen], archived: list[Seen]):
    """An oracle that holds both whole."""
    log = sorted(log)
    found = compared(log, archived)
    places = Counter(row.place for row in archived)
    first = {row.place: row.checksum for row in sorted(archived, reverse=True)}
    assert found.log == len(log)
    assert found.archived == len(archived)
    assert found.missing == sum(record.place not in places for record in log)
    assert found.doubled == sum(count - 1 for count in places.values())
    assert found.different == sum(
        record.place in first and first[record.place] != record.checksum for record in log
    )


def test_what_the_log_has_lost_since_is_no_fault():
    """Retention and compaction are why there is an archive."""
    archived = [Seen(0, offset, 1) for offset in range(9)]
    assert compared(archived[5:], archived).total == 0


def test_faults_are_named_and_not_without_end():
    """The first of them are enough."""
    found = compared([Seen(0, offset, 1) for offset in range(100)], [])
    assert found.missing == 100
    assert found.faults[0] == "queries/0@0 missing"
    assert len(found.faults) < 100
