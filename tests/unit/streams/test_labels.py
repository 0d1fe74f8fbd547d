"""What people and judges said, as the log has it."""

import pytest

from processors.judge.evaluate import UNJUDGED
from streams import labels
from streams.errors import FreshetError
from tests.doubles.opinions import GIVEN, answered, empty_log, spoken, unwatched


async def test_pairs_are_of_answers_that_both_have_spoken_of() -> None:
    """An answer without feedback, and feedback without an answer, are none."""
    log = empty_log()
    spoken(log, answered(log, 1, 0.9), -1)
    answered(log, 2, 0.9)
    spoken(log, "q-unknown", 1)
    (pair,) = await labels.pairs(log, unwatched)
    assert (pair.probability, pair.judged, pair.people) == (0.9, True, False)


async def test_what_cannot_be_read_is_left_out() -> None:
    """It has a dead letter elsewhere; a plain message without an envelope is feedback, too."""
    log = empty_log()
    query_id = answered(log, 1, 0.2)
    log.append("feedback", query_id, b"no json")
    log.append("feedback", query_id, None)
    value = b'{"query_id":"q-1","tenant":"default","rating":-1}'
    log.append("feedback", query_id, value)
    (pair,) = await labels.pairs(log, unwatched)
    assert pair.people is False


async def test_a_clock_that_runs_ahead_does_not_have_the_last_word() -> None:
    """The time of feedback is at most the broker's."""
    log = empty_log()
    envelope = labels.Envelope("s", "i", "t", time=2**60)
    log.append("feedback", "q", b"{}")
    (record,) = log.all("feedback")
    assert labels.said(record, envelope) == ("s i", record.timestamp_ms * 1000)
    assert labels.said(record, None) == (f"feedback/{record.partition}@0", GIVEN + 10**11)


async def test_one_judges_answers_are_chosen_by_name_time_and_route() -> None:
    """What the model itself said must be known; answers that nobody judged are of no judge."""
    log = empty_log()
    for number, judge in enumerate(("words@1", "words@2", "other@1", UNJUDGED)):
        spoken(log, answered(log, number, 0.5, judge), 1)
    found = await labels.pairs(log, unwatched)
    assert len(labels.since(found, GIVEN + 1_000_000)) == 3
    chosen = labels.chosen(found, "words", None)
    assert (len(chosen.labelled), chosen.left_out) == (1, 1)
    with pytest.raises(FreshetError, match="--judge"):
        labels.chosen(found, None, None)
    with pytest.raises(FreshetError, match="nobody has labelled"):
        labels.chosen(found, None, ["canary"])
    with pytest.raises(FreshetError, match="nobody has labelled 'gone'"):
        labels.chosen(found, "gone", None)


def test_a_moment_is_rfc_3339_or_microseconds() -> None:
    """Anything else is refused under its option's name."""
    assert labels.moment("--since", "2025-10-09T08:53:20Z") == GIVEN
    assert labels.moment("--since", str(GIVEN)) == GIVEN
    assert labels.moment("--since", None) is None
    with pytest.raises(FreshetError, match="--since"):
        labels.moment("--since", "yesterday")
