"""What a judge says, by the version in force: probabilities stay probabilities."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.control import Control
from processors.feedback.versions import Calibrations
from processors.judge.findings import Finding, Judged
from processors.judge.recalibrate import recalibrated
from schemas.control import Calibration


def calibrations(
    *points: tuple[float, float], share: float = 1.0, threshold: float = 0.5, **more: Any
):
    found = Control()
    known: dict[str, Any] = {"name": "words", "version": 2, "routes": None} | more
    found.observe(
        Calibration(
            revision=1,
            by="ana",
            why="test",
            at=0,
            method="isotonic",
            points=list(points),
            threshold=threshold,
            labels=40,
            share=share,
            **known,
        )
    )
    return Calibrations(found)


def said(supported: float, contradicted: float = 0.0, verdict: str = "supported") -> Judged:
    return Judged([Finding(supported, contradicted, verdict, (0, 1, 2), "word")], "words@1")  # type: ignore[arg-type]


def test_without_a_calibration_the_models_word_stands():
    """None there is, none with a share, none of this judge, none of this route."""
    halved = ((0.0, 0.0), (1.0, 0.5))
    judged = said(0.9)
    for versions in (
        Calibrations(Control()),
        calibrations(*halved, share=0.0),
        calibrations(*halved, name="another"),
        calibrations(*halved, routes=["canary"]),
    ):
        assert recalibrated(versions, "q-1", "default", judged) is judged


def test_a_calibration_names_itself_and_keeps_where_it_looked():
    """Support and fault are the model's; the probability and the verdict are not."""
    judged = recalibrated(calibrations((0.0, 0.0), (1.0, 0.5)), "q-1", "default", said(0.9))
    assert judged.version == "words@2"
    (finding,) = judged.findings
    assert finding.supported == pytest.approx(0.45)
    assert (finding.support, finding.fault) == ((0, 1, 2), "word")
    assert finding.verdict == "not_in_sources"


def test_what_is_not_supported_is_contradicted_where_the_model_leaned_that_way():
    """In the parts in which the model shared out the rest."""
    versions = calibrations((0.0, 0.0), (1.0, 0.5))
    (leant,) = recalibrated(versions, "q", "", said(0.8, 0.15)).findings
    assert leant.verdict == "contradicted"
    assert leant.contradicted == pytest.approx((1 - 0.4) * 0.75)


def test_a_claim_that_the_model_is_sure_of_can_lose_its_support():
    """Nothing was left to share out: it is in no source then, and nothing is divided by zero."""
    (finding,) = recalibrated(calibrations((0.0, 0.0), (1.0, 0.2)), "q", "", said(1.0)).findings
    assert (finding.verdict, finding.contradicted) == ("not_in_sources", 0.0)


def test_the_threshold_itself_is_enough():
    """From it on a claim is supported."""
    versions = calibrations((0.0, 0.0), (1.0, 1.0), threshold=0.25)
    assert (
        recalibrated(versions, "q", "", said(0.25, verdict="x")).findings[0].verdict == "supported"
    )


heights = st.lists(st.floats(0, 1), min_size=2, max_size=6, unique=True).map(sorted)


@given(heights, st.data(), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_what_it_means_are_probabilities_that_rise_with_what_was_said(
    places: list[float], data: st.DataObject, one: float, other: float, part: float
):
    """Whatever the curve is."""
    size = len(places)
    meant = sorted(data.draw(st.lists(st.floats(0, 1), min_size=size, max_size=size)))
    versions = calibrations(*zip(places, meant, strict=True))
    low, high = (
        recalibrated(versions, "q", "", said(p, (1 - p) * part)).findings[0]
        for p in sorted((one, other))
    )
    assert low.supported <= high.supported
    for finding in (low, high):
        assert 0 <= finding.contradicted <= 1
        assert finding.supported + finding.contradicted <= 1 + 1e-9
