"""Versions of a judge: what counts in `control`, and which version judges which answer."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.control import Control
from processors.feedback.versions import Calibrations, calibration_for
from schemas.control import Calibration


def version(number: int = 2, share: float = 0.0, routes: list[str] | None = None) -> Calibration:
    return Calibration(
        name="judge",
        version=number,
        method="platt",
        points=[(0.0, 0.1), (1.0, 0.9)],
        threshold=0.5,
        labels=40,
        share=share,
        routes=routes,
        revision=1,
        by="ana",
        why="test",
        at=0,
    )


def test_a_removed_version_judges_nothing_and_its_number_is_not_given_again() -> None:
    """What it judged once still says so."""
    control = Control()
    for event in (version(2, share=1.0), version(3), replace(version(3), revision=2, removed=True)):
        assert control.observe(event) is None
    fold = Calibrations(control)
    assert [one.version for one in fold.of("judge")] == [2]
    assert fold.newest("judge") == 3
    assert fold.newest("another") == 1


def test_each_version_judges_its_share_of_all_answers() -> None:
    """The newest first; what they leave is the model's own word."""
    versions = [version(2, share=0.5), version(3, share=0.2), version(4)]
    found = Counter(
        one.version if (one := calibration_for(versions, f"q{n}", "default")) else 1
        for n in range(20_000)
    )
    assert {v: round(n / 20_000, 2) for v, n in found.items()} == {
        1: pytest.approx(0.3, abs=0.01),
        2: pytest.approx(0.5, abs=0.01),
        3: pytest.approx(0.2, abs=0.01),
    }


def test_a_canary_of_a_route_leaves_the_others_alone() -> None:
    """With a share of 1 it judges all of its own."""
    versions = [version(2, share=1.0), version(3, share=1.0, routes=["canary"])]
    on = {
        route: {one.version for n in range(50) if (one := _of(versions, n, route))}
        for route in ("canary", "default")
    }
    assert on == {"canary": {3}, "default": {2}}


def test_a_route_is_all_of_its_branches_or_the_one_that_is_named() -> None:
    """`route/branch`, as receipts have it."""
    versions = [version(2, share=1.0, routes=["own"]), version(3, share=1.0, routes=["own/b"])]
    on = {label: _of(versions, 1, label) for label in ("own", "own/a", "own/b", "other/b")}
    assert [one and one.version for one in on.values()] == [2, 2, 3, None]


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_an_answer_stays_with_a_version_whose_share_grows(
    query_id: str, one: float, other: float
) -> None:
    """Who asks again gets the same answer."""
    small, large = sorted((one, other))
    if calibration_for([version(share=small)], query_id, "r") is not None:
        assert calibration_for([version(share=large)], query_id, "r") is not None
    assert calibration_for([version(share=0.0)], query_id, "r") is None
    assert calibration_for([version(share=1.0)], query_id, "r") is not None


def _of(versions: list[Calibration], number: int, route: str) -> Calibration | None:
    return calibration_for(versions, f"q{number}", route)
