"""Drift of figures: scores, latencies, lengths, and whether there are any."""

import math

import numpy as np
import pytest

from processors.drift.alarm import Alarm, ReferenceTooSmallError
from processors.drift.scalars import ScalarDetector, ScalarReference, fit

USUAL = np.random.default_rng(1).lognormal(size=500).tolist()


@pytest.fixture(scope="module")
def reference() -> ScalarReference:
    return fit(USUAL)


def feed(detector: ScalarDetector, values: list[float | None], first: int = 0) -> list[Alarm]:
    """Events a microsecond apart, whose ids are their times."""
    return [
        alarm
        for at, value in enumerate(values, first)
        for alarm in detector.update(str(at), at, value).alarms
    ]


def usual(count: int, seed: int, factor: float = 1.0) -> list[float | None]:
    """Values like the reference's, or so many times as large."""
    return (factor * np.random.default_rng(seed).lognormal(size=count)).tolist()


@pytest.mark.parametrize(("factor", "direction"), [(6.0, "up"), (1 / 6, "down")])
def test_a_shift_alarms_with_its_direction(
    reference: ScalarReference, factor: float, direction: str
) -> None:
    """Since about when, and with the five values that moved most."""
    detector = ScalarDetector(reference)
    assert feed(detector, usual(200, seed=2)) == []
    later = usual(60, seed=3, factor=factor)
    alarm = feed(detector, later, first=200)[0]
    assert (alarm.kind, alarm.direction) == ("value", direction)
    assert 180 <= alarm.since <= 210
    assert len(alarm.examples) == 5
    assert all(alarm.since < int(one) <= alarm.at for one in alarm.examples)


def test_what_stays_changed_is_told_once(reference: ScalarReference) -> None:
    """What follows an alarm is the new normal."""
    later = usual(400, seed=4, factor=20.0)
    assert len(feed(ScalarDetector(reference), later)) == 1


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_a_missing_value_is_named_and_its_absence_watched(
    reference: ScalarReference, nothing: float | None
) -> None:
    """Alone it does nothing; when values stop coming, that is an alarm."""
    detector = ScalarDetector(reference)
    assert detector.update("a", 0, nothing).fault == "missing"
    alarms = feed(detector, [nothing] * 40, first=1)
    assert [(alarm.kind, alarm.direction) for alarm in alarms] == [("missing", "up")]
    assert len(alarms[0].examples) == 5


def test_an_infinity_is_the_greatest_value(reference: ScalarReference) -> None:
    """It weighs no more than any other extreme."""
    detector = ScalarDetector(reference)
    assert detector.update("a", 0, math.inf).score == 1.0
    assert detector.update("b", 1, -math.inf).score == 0.0
    assert feed(detector, usual(200, seed=5), first=2) == []


def test_a_constant_feature_is_quiet_until_it_is_constant_no_more() -> None:
    """Equal values are in the middle of the reference, so they say nothing."""
    detector = ScalarDetector(fit([3.0] * 80))
    assert feed(detector, [3.0] * 1000) == []
    assert feed(detector, [4.0] * 40, first=1000)[0].direction == "up"


def test_a_reference_that_is_too_small_is_refused() -> None:
    """Missing values do not count; an empty window has none."""
    with pytest.raises(ReferenceTooSmallError, match="20 usable"):
        fit([1.0] * 20 + [math.nan] * 100)
    with pytest.raises(ReferenceTooSmallError, match="0 usable"):
        fit([])


def test_a_detector_goes_on_from_its_snapshot(reference: ScalarReference) -> None:
    """Interrupted anywhere, before, at and after an alarm."""
    story = [*usual(60, seed=6), *usual(60, seed=7, factor=9.0), None, *usual(60, seed=8)]
    whole = ScalarDetector(reference)
    expected = feed(whole, story)
    assert expected
    for cut in (10, expected[0].at + 1, 150):
        first = ScalarDetector(reference)
        told = feed(first, story[:cut])
        second = ScalarDetector(reference, first.snapshot())
        assert told + feed(second, story[cut:], first=cut) == expected
        assert second.snapshot() == whole.snapshot()
