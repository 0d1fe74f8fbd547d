"""What there is to do is told from where the archive and the log stand."""

import pytest

from streams.archive.run import Plan
from streams.archive.write import NotThisLog, check_log


def plan(start: int, end: int, position: int | None) -> Plan:
    """Of one topic with one partition."""
    archived = {} if position is None else {0: position}
    return Plan({"queries": {0: start}}, {"queries": {0: end}}, {"queries": archived})


@pytest.mark.parametrize(
    ("start", "end", "position", "waiting", "behind"),
    [
        pytest.param(0, 0, None, 0, False, id="an empty topic"),
        pytest.param(9, 9, None, 0, False, id="one that retention has emptied"),
        pytest.param(3, 9, None, 6, True, id="one that was never archived"),
        pytest.param(3, 9, 9, 0, False, id="nothing new"),
        pytest.param(3, 9, 5, 4, True, id="some new"),
        pytest.param(7, 9, 5, 2, True, id="some of it gone"),
        pytest.param(9, 9, 5, 0, True, id="all of it gone, which is to be recorded"),
    ],
)
def test_what_is_left_to_do(start: int, end: int, position: int | None, waiting: int, behind: bool):
    """How many records, and whether to look at all."""
    found = plan(start, end, position)
    assert (found.waiting("queries"), found.is_behind("queries")) == (waiting, behind)


@pytest.mark.parametrize(
    ("start", "position", "span"), [(3, None, [3, 8]), (3, 5, [5, 8]), (7, 5, [7, 8]), (3, 9, None)]
)
def test_lineage_is_told_of_what_is_to_be_archived(
    start: int, position: int | None, span: list[int] | None
):
    """From where the archive goes on, or the log begins, to the log's last offset."""
    assert plan(start, 9, position).spans("queries") == ({} if span is None else {"0": span})


def test_a_log_that_is_shorter_than_its_archive_is_another_one():
    """It is refused, with what to do."""
    check_log("queries", {0: 5}, {0: 5})
    check_log("queries", None, {0: 0})
    with pytest.raises(NotThisLog, match="another folder"):
        check_log("queries", {0: 5}, {0: 4})
