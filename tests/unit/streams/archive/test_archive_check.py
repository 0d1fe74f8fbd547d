"""Whatever a record is, the archive says when it happened and what is wrong with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import headers
from schemas.times import format_time
from streams.archive.check import AHEAD_US, check

NOW = 1_800_000_000_000_000
QUERY = json.dumps({"query_id": "q", "text": "Why?", "tenant": "t"}).encode()
ASKED = "dev.freshet.query.asked.v1"


def test_an_event_has_its_own_time_and_no_fault():
    """The broker's clock is another matter."""
    found = check("queries", QUERY, headers(ASKED, source="/s", time=NOW - 5, id="i"), NOW)
    assert found == (NOW - 5, "i", "/s", ASKED, NOW - 5, None)


def test_a_plain_message_has_the_brokers_time():
    """Nothing of ours is installed where it comes from."""
    assert check("queries", QUERY, [], NOW) == (NOW, None, None, None, None, None)


@pytest.mark.parametrize("time", [-1, NOW + AHEAD_US + 1])
def test_a_time_that_no_clock_showed_does_not_choose_the_partition(time: int):
    """It is kept beside the broker's, as it was sent."""
    found = check("queries", QUERY, headers(ASKED, source="/s", time=time), NOW)
    assert (found.event_time, found.time, found.fault) == (NOW, time, None)


def test_a_deletion_is_valid_where_it_means_something():
    """On `documents`, not on `queries`."""
    assert check("documents", None, [], NOW).fault is None
    assert check("queries", None, [], NOW).fault is not None


@pytest.mark.parametrize(
    ("value", "sent", "reason"),
    [
        (b"\xff{", [], "not_json"),
        (b'{"text": 7}', [], "invalid"),
        (QUERY, headers("org.else.v1", source="/s", time=NOW), "wrong_type"),
        (QUERY, [("ce_id", b"i")], "invalid"),
        (QUERY, [("ce_id", b"\xff")], "invalid"),
    ],
)
def test_a_foreign_or_corrupt_record_says_why(value: bytes, sent: list, reason: str):
    """With the reason that its dead letter has."""
    assert (check("queries", value, sent, NOW).fault or "").startswith(f"{reason}: ")


def test_an_index_version_has_the_schema_of_its_topic():
    """`index.changes.NAME` is read as `index.changes` is."""
    assert check("index.changes.wide", b"{}", [], NOW) == check("index.changes", b"{}", [], NOW)


@given(
    st.binary() | st.none(),
    st.lists(st.tuples(st.sampled_from(["ce_id", "ce_time", "x"]), st.binary() | st.none())),
)
def test_nothing_that_is_sent_raises(value: bytes | None, sent: list):
    """Bytes come from anybody."""
    found = check("documents", value, sent, NOW)
    assert found.event_time == NOW


def test_times_are_read_to_the_microsecond():
    """As the envelope has them."""
    sent = [*headers(ASKED, source="/s", time=NOW)[:-2], ("ce_time", format_time(NOW).encode())]
    assert check("queries", QUERY, sent, NOW + 1).event_time == NOW
