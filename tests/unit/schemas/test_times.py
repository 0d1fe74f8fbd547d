from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import InvalidTime, format_time, parse_time

BOUNDS = {"min_value": -62_135_596_800_000_000, "max_value": 253_402_300_799_999_999}


@given(st.integers(**BOUNDS))
def test_a_moment_survives_being_written_and_read(microseconds: int):
    """Every microsecond of the years 1 to 9999 comes back as it was."""
    assert parse_time(format_time(microseconds)) == microseconds


@given(st.integers(**BOUNDS), st.integers(**BOUNDS))
def test_written_moments_sort_as_the_moments_do(one: int, other: int):
    """Texts can be compared instead of times."""
    assert (format_time(one) < format_time(other)) == (one < other)


@given(st.datetimes(timezones=st.timezones()))
def test_any_offset_gives_the_same_moment(moment: datetime):
    """The offset says where, not when."""
    text = moment.isoformat()
    offset = moment.utcoffset()
    if offset is None or offset.total_seconds() % 60 or not 1 < moment.year < 9999:
        return
    assert parse_time(text) == parse_time(moment.astimezone(UTC).isoformat())


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00.5z", 500_000),
        ("1969-12-31T23:59:59Z", -1_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
    ],
)
def test_moments_are_read_exactly(text: str, microseconds: int):
    """Small letters, offsets, nanoseconds and leap seconds included."""
    assert parse_time(text) == microseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:61Z",
        "2024-01-01T12:00:60Z",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00Z\n",
        "٢٠٢٤-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "yesterday",
        "1" * 1_000_000,
    ],
)
def test_what_is_no_moment_is_refused_in_few_words(text: str):
    """Nearly right is wrong, and the error does not repeat a long text."""
    with pytest.raises(InvalidTime) as caught:
        parse_time(text)
    assert len(str(caught.value)) < 200


def test_a_number_beyond_the_calendar_is_refused():
    """Years stop at 9999."""
    with pytest.raises(InvalidTime):
        format_time(2**62)
