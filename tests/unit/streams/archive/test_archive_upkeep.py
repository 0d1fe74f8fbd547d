"""What may go, and what never does."""

from datetime import UTC, date, datetime

import pytest

from schemas.topics import TOPICS
from streams.archive.upkeep import cutoff, expiry
from streams.errors import FreshetError

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


def test_whole_days_are_dropped():
    """The day in which the bound lies stays."""
    assert cutoff(19, NOW) == date(2026, 5, 1)


def test_less_than_a_day_is_refused():
    """Somebody has mistyped it."""
    with pytest.raises(FreshetError, match="1d at least"):
        cutoff(0.5, NOW)


def test_what_the_log_keeps_for_ever_outlives_expiry():
    """The documents and the control events of old questions, and all of the index's changes."""
    found = {topic: expiry(topic) for topic in TOPICS}
    kept = {topic for topic, kind in found.items() if kind == "nothing"}
    assert kept == {"index.changes"}
    assert {topic for topic, kind in found.items() if kind == "superseded"} == {
        "documents",
        "control",
        "index.progress",
    }
    assert expiry("index.changes.wide") == "nothing"
