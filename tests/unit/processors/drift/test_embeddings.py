"""Drift of embeddings: what alarms, what it says, and what does no harm."""

import numpy as np
import pytest

from processors.drift.alarm import Alarm, ReferenceTooSmallError
from processors.drift.embeddings import EmbeddingDetector
from processors.drift.reference import EmbeddingReference, EmbeddingSpec, Vectors, fit
from tests.doubles.topics import DIMENSION, around, topics

KNOWN = topics(8)
UNSEEN = topics(3, seed=77)


@pytest.fixture(scope="module")
def reference() -> EmbeddingReference:
    return fit(around(KNOWN, 400, seed=1), EmbeddingSpec(topics=8))


def feed(detector: EmbeddingDetector, vectors: Vectors, first: int = 0) -> list[Alarm]:
    """Events a microsecond apart, whose ids are their times."""
    return [
        alarm
        for at, vector in enumerate(vectors, first)
        for alarm in detector.update(str(at), at, vector).alarms
    ]


def test_unseen_topics_alarm_and_the_alarm_says_since_when(reference: EmbeddingReference) -> None:
    """One alarm, within a few events of the change, with examples from after it."""
    detector = EmbeddingDetector(reference)
    feed(detector, around(KNOWN, 200, seed=2))
    alarm, *more = feed(detector, around(UNSEEN, 50, seed=3), first=200)
    assert (alarm.kind, alarm.state, more) == ("novelty", "began", [])
    assert 195 <= alarm.since <= 200
    assert alarm.at < 215
    assert 0 < len(alarm.examples) <= 5
    assert all(int(one) > alarm.since for one in alarm.examples)


def test_five_examples_are_the_strangest_events(reference: EmbeddingReference) -> None:
    """With a fifth of the traffic unseen, the examples are of that fifth."""
    mixed = around(KNOWN, 300, seed=4)
    mixed[::5] = around(UNSEEN, 60, seed=5)
    alarm = feed(EmbeddingDetector(reference), mixed)[0]
    assert alarm.share is not None
    assert 0.05 <= alarm.share <= 0.4
    assert len(alarm.examples) == 5
    assert all(int(one) % 5 == 0 for one in alarm.examples)


def test_a_known_topic_asked_more_often_alarms(reference: EmbeddingReference) -> None:
    """Nothing in it is new: the mix is what moved, and the examples are of that topic."""
    alarm = feed(EmbeddingDetector(reference), around(KNOWN[:1], 60, seed=6))[0]
    assert (alarm.kind, alarm.direction, len(alarm.examples)) == ("mix", "up", 5)


def test_an_alarm_ends_when_the_traffic_is_as_before(reference: EmbeddingReference) -> None:
    """And a second change is a second alarm."""
    detector = EmbeddingDetector(reference)
    story = np.concatenate(
        [
            around(UNSEEN, 60, seed=7),
            around(KNOWN, 600, seed=8),
            around(UNSEEN, 60, seed=9),
        ]
    )
    told = [alarm.state for alarm in feed(detector, story) if alarm.kind == "novelty"]
    assert told == ["began", "ended", "began"]


def test_traffic_like_the_reference_hardly_ever_alarms(reference: EmbeddingReference) -> None:
    """One alarm in 5,000 events is expected; more than four in as many would be a fault."""
    alarms = feed(EmbeddingDetector(reference), around(KNOWN, 5000, seed=10))
    assert len([alarm for alarm in alarms if alarm.state == "began"]) <= 4


@pytest.mark.parametrize(
    ("vector", "fault"),
    [
        (np.full(DIMENSION, np.nan), "not_finite"),
        (np.full(DIMENSION, np.inf), "not_finite"),
        (np.ones(DIMENSION + 1), "wrong_dimension"),
        (np.ones((2, DIMENSION)), "wrong_dimension"),
        (np.empty(0), "wrong_dimension"),
        (np.zeros(DIMENSION), "no_direction"),
    ],
)
def test_a_bad_vector_is_named_and_changes_nothing(
    reference: EmbeddingReference, vector: np.ndarray, fault: str
) -> None:
    """It is data: no exception, no score, and the detector is as it was."""
    detector = EmbeddingDetector(reference)
    feed(detector, around(UNSEEN, 2, seed=11))
    before = detector.snapshot()
    seen = detector.update("bad", 5, vector)
    assert (seen.fault, seen.score, seen.alarms) == (fault, None, ())
    assert detector.snapshot() == before


def test_a_vectors_length_does_not_matter(reference: EmbeddingReference) -> None:
    """Only its direction does, however small or large it is."""
    vector = around(KNOWN, 1, seed=12)[0].astype(np.float64)
    scores = {
        EmbeddingDetector(reference).update("a", 0, vector * by).score
        for by in (1.0, 1e-300, 1e300)
    }
    assert len(scores) == 1
    assert scores.pop() != pytest.approx(1 / 401)


def test_a_detector_goes_on_from_its_snapshot(reference: EmbeddingReference) -> None:
    """Interrupted anywhere, it gives the same alarms and ends in the same state."""
    story = np.concatenate([around(KNOWN, 100, seed=13), around(UNSEEN, 20, seed=14)])
    whole = EmbeddingDetector(reference)
    expected = feed(whole, story)
    for cut in (1, 60, 103):
        first = EmbeddingDetector(reference)
        told = feed(first, story[:cut])
        second = EmbeddingDetector(reference, first.snapshot())
        assert told + feed(second, story[cut:], first=cut) == expected
        assert second.snapshot() == whole.snapshot()


def test_the_same_reference_is_fitted_from_the_same_rows() -> None:
    """Byte for byte; chance is seeded."""
    rows = around(KNOWN, 700, seed=15)
    assert fit(rows) == fit(rows.copy())


def test_a_reference_that_is_too_small_is_refused() -> None:
    """Rows that cannot be used do not count."""
    rows = around(KNOWN, 150, seed=16)
    rows[:60] = np.nan
    with pytest.raises(ReferenceTooSmallError, match="90 usable"):
        fit(rows)
    with pytest.raises(ReferenceTooSmallError, match="0 usable"):
        fit(np.empty((0, DIMENSION), np.float32))


def test_a_reference_of_one_text_alone_alarms_at_any_other() -> None:
    """A constant feature: the same again is nothing new, another is."""
    same = np.repeat(KNOWN[:1], 120, axis=0)
    detector = EmbeddingDetector(fit(same))
    assert feed(detector, np.repeat(KNOWN[:1], 300, axis=0)) == []
    assert feed(detector, around(UNSEEN, 20, seed=17), first=300)[0].kind == "novelty"
