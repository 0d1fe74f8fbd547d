"""A change told: in a sentence, with an id that is always the same, within an event's bounds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.drift.alarm import Alarm
from processors.drift.windows import Part
from processors.monitor import told
from processors.monitor.stream import Moved
from schemas.codec import decode_as, encode
from schemas.monitoring import Drift, Window

ACME = Part("acme", "default")


def moved(kind: Any = "value", state: Any = "began", **more: Any) -> Moved:
    known: dict[str, Any] = {"value": 4.0, "threshold": 3.5, "at": 50, "since": 40}
    return Moved(
        alarm=Alarm(kind=kind, state=state, **(known | more)),
        reference=Window(start=1, end=11, count=60),
        current=Window(start=40, end=51, count=9),
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (moved(direction="up"), "latency_ms lies higher than in the reference, for 9 events"),
        (moved(direction="down"), "latency_ms lies lower than in the reference, for 9 events"),
        (
            moved("missing", direction="up"),
            "latency_ms is missing more often than in the reference",
        ),
        (
            moved("missing", direction="down"),
            "latency_ms is missing less often than in the reference",
        ),
        (
            moved("novelty", share=0.15),
            "latency_ms: unlike anything in the reference, about 15% of them, for 9 events",
        ),
        (moved("novelty"), "latency_ms: unlike anything in the reference, some, for 9 events"),
        (
            moved("mix", share=0.4),
            "latency_ms: about 40% of the traffic has moved to one known topic, for 9 events",
        ),
        (moved("mix"), "latency_ms: more has moved to one known topic, for 9 events"),
        (moved("novelty", "ended"), "latency_ms is as it was in the reference again"),
    ],
)
def test_a_change_is_told_in_a_sentence(change: Moved, says: str):
    """For a person."""
    assert told.drift("latency_ms", ACME, change, {}).summary == says


def test_an_example_shows_its_text_where_that_is_known():
    """The newest are; of an older one its id is left."""
    event = told.drift("groundedness", ACME, moved(examples=("q1", "q2")), {"q1": "Where?"})
    assert [(one.id, one.text) for one in event.examples] == [("q1", "Where?"), ("q2", None)]


def test_a_change_that_has_no_beginning_is_not_given_one():
    """And none begins after it was seen."""
    assert told.drift("m", ACME, moved(since=0), {}).since is None
    assert told.drift("m", ACME, moved(since=99), {}).since == 50


def test_the_id_tells_changes_apart_and_the_same_change_not():
    """Whoever reads the log again tells nothing twice."""
    events = [
        told.drift(figure, part, change, {})
        for figure in ("a", "b")
        for part in (ACME, Part("acme", ""), Part("b", "default"))
        for change in (
            moved(direction="up"),
            moved(direction="down"),
            moved("missing", direction="up"),
            moved("novelty"),
            moved("novelty", "ended"),
            moved("novelty", at=51),
        )
    ]
    assert len({told.name_of(event) for event in events}) == len(events) == 36
    assert told.name_of(events[0]) == told.name_of(told.drift("a", ACME, moved(direction="up"), {}))


@given(
    st.text(max_size=1024),
    st.text(min_size=1, max_size=1200, alphabet=st.characters(exclude_categories=("C", "Z"))),
    st.sampled_from(["novelty", "mix", "value", "missing"]),
    st.none() | st.floats(0, 1),
)
def test_an_event_can_always_be_read(text: str, name: str, kind: Any, share: float | None):
    """Whatever an example is called."""
    event = told.drift("latency_ms", ACME, moved(kind, share=share, examples=(name,)), {name: text})
    assert decode_as(Drift, encode(event)) == event
