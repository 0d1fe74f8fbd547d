"""One figure watched: its reference grows, stands, and survives with its detector."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.monitor.stream import Moved, Stream, StreamSpec, Value

SPEC = StreamSpec(vectors=(100, 140), values=(60, 90))
CHANCE = np.random.default_rng(5)
QUICK: list[Value] = CHANCE.normal(100, 10, 150).tolist()
SLOW: list[Value] = CHANCE.normal(900, 10, 60).tolist()
TOPICS = CHANCE.normal(size=(4, 16))


def vectors(topic: int, count: int) -> list[Value]:
    noise = np.random.default_rng(topic).normal(size=(count, 16)) * 0.2
    return list((TOPICS[topic] + noise).astype(np.float32))


def feed(stream: Stream, values: Sequence[Value], first: int = 0) -> list[Moved]:
    """One a second."""
    moved = []
    for number, value in enumerate(values, first):
        moved += stream.update(f"e{number}", 1000 + number, value)[1]
    return moved


def test_nothing_is_noticed_before_there_is_a_reference():
    """And that can be seen."""
    stream = Stream("values", SPEC)
    assert feed(stream, [*QUICK[:29], *SLOW[:30]]) == []
    assert (stream.reference_events, stream.nearness, stream.alarmed) == (0, 0.0, False)


def test_a_reference_grows_to_its_largest_size_and_then_stands():
    """A new tenant is watched early, and well later on."""
    stream = Stream("values", SPEC)
    sizes = []
    for number, value in enumerate(QUICK):
        feed(stream, [value], number)
        sizes.append(stream.reference_events)
    assert sizes == [0] * 59 + [60] * 30 + [90] * 61
    stream.fixed()
    feed(stream, SLOW, 150)
    assert not stream.fixed_changed


def test_what_moved_stands_beside_what_it_was_compared_with():
    """With when either began and ended, and how many events each has."""
    stream = Stream("values", SPEC)
    moved, *_ = feed(stream, [*QUICK, *SLOW])
    assert (moved.reference.start, moved.reference.end, moved.reference.count) == (1000, 1090, 90)
    assert 1100 < moved.alarm.since <= 1151
    assert moved.current.end == moved.alarm.at + 1
    assert moved.current.count == moved.alarm.at - moved.alarm.since


def test_what_is_novel_does_not_become_the_reference():
    """Else an alarm would end by itself."""
    stream = Stream("vectors", SPEC)
    known = [
        vector for trio in zip(*(vectors(t, 35) for t in range(3)), strict=True) for vector in trio
    ]
    feed(stream, known)
    before = stream.reference_events
    moved = feed(stream, vectors(3, 60), len(known))
    assert [one.alarm.kind for one in moved][:1] == ["novelty"]
    assert stream.alarmed
    assert stream.reference_events == before == 100


@pytest.mark.parametrize(
    "odd",
    [np.full(16, np.nan), np.full(16, np.inf), np.zeros(16), np.ones(7), np.ones(0)],
    ids=["no number", "infinite", "zeros", "another size", "empty"],
)
def test_a_vector_that_is_none_changes_nothing(odd: np.ndarray):
    """Neither the reference in the making nor what is watched with it."""
    plain, disturbed = Stream("vectors", SPEC), Stream("vectors", SPEC)
    for number, vector in enumerate(vectors(0, 120)):
        feed(plain, [vector], number)
        feed(disturbed, [vector], number)
        fault, moved = disturbed.update("odd", 1000 + number, odd.astype(np.float32))
        assert moved == []
        assert (fault is not None) == (number >= 99)
    assert disturbed.nearness == plain.nearness
    assert disturbed.reference_events == plain.reference_events


def test_a_reference_waits_until_enough_of_its_figures_are_there():
    """Most were missing at first."""
    stream = Stream("values", SPEC)
    feed(stream, [None, float("nan")] * 30)
    assert stream.reference_events == 0
    stream = Stream("values", SPEC)
    feed(stream, [*[None] * 30, *QUICK[:60]])
    assert stream.reference_events == 90


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, 209), max_size=4), st.sampled_from(["values", "vectors"]))
def test_a_stream_that_is_kept_and_made_again_tells_the_same(cuts: set[int], kind: Any) -> None:
    """Anywhere: within the reference, between its sizes, in an alarm."""
    odd: list[Value] = [None, float("inf"), float("nan")]
    events = [*QUICK, *SLOW[:57], *odd] if kind == "values" else [*vectors(0, 150), *vectors(3, 60)]
    whole = Stream(kind, SPEC)
    told = feed(whole, events)
    stream, again = Stream(kind, SPEC), []
    fixed = stream.fixed()
    for number, event in enumerate(events):
        if number in cuts:
            if stream.fixed_changed:
                fixed = stream.fixed()
            stream = Stream(kind, SPEC, fixed, stream.moving())
        again += feed(stream, [event], number)
    assert again == told
    assert len(told) > 0
    assert (stream.nearness, stream.alarmed) == (whole.nearness, whole.alarmed)
    assert (stream.fixed(), stream.moving()) == (whole.fixed(), whole.moving())
