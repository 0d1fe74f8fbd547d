"""The monitor: the same alarms for the same events, whatever order or crash they came through."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.alerts.rules import Burn, Rule
from processors.drift.windows import Part
from processors.monitor.monitor import OTHERS, Monitor, MonitorSpec
from processors.monitor.observations import (
    ANSWERS,
    DOCUMENTS,
    FIGURES,
    QUERY_EMBEDDING,
    Observation,
    Observed,
)
from processors.monitor.stream import StreamSpec
from schemas.monitoring import Alert, Drift

SECOND = 1_000_000
BEGIN = 1_700_000_000 * SECOND
SPEC = MonitorSpec(
    window=10 * SECOND,
    lateness=10 * SECOND,
    stream=StreamSpec(vectors=(100,), values=(60,)),
)
RULE = Rule(
    name="slow",
    metric="latency_ms",
    says="answers come within a second",
    good="at_most",
    bound=1000.0,
    objective=0.9,
    severity="critical",
    burns=(Burn(long=120 * SECOND, short=20 * SECOND, factor=2.0),),
)
ACME = Part("acme", "default")


def answer(number: int, at: int, part: Part = ACME, **figures: float) -> Observation:
    return Observation(
        source=ANSWERS,
        part=part,
        event_id=f"q{number}",
        at=at,
        seen=Observed(dict(figures), None, f"question {number}"),
    )


def latencies(values: Sequence[float]) -> list[Observation]:
    """One answer a second."""
    return [
        answer(number, BEGIN + number * SECOND, latency_ms=value)
        for number, value in enumerate(values)
    ]


def run(events: Sequence[Observation], monitor: Monitor | None = None) -> list[tuple[str, object]]:
    """Everything that is told of them, and of the quiet hour behind them."""
    monitor = monitor or Monitor(SPEC, [RULE])
    told = []
    for event in events:
        monitor.take(event, event.at)
        told += monitor.close()
    return [(one.id, one.event) for one in [*told, *quiet(monitor, events)]]


def quiet(monitor: Monitor, events: Sequence[Observation]):
    monitor.advance(ANSWERS, max(event.at for event in events) + 3600 * SECOND)
    return monitor.close()


def moved() -> list[Observation]:
    """Two hundred quick answers, then slow ones, then quick ones again."""
    chance = np.random.default_rng(3)
    quick = chance.normal(100, 10, 200).tolist()
    return latencies([*quick, *chance.normal(3000, 100, 100).tolist(), *quick])


def test_a_figure_that_moves_is_told_with_examples_and_windows() -> None:
    """What moved, which way, since about when, beside which reference."""
    drifts = [event for _, event in run(moved()) if isinstance(event, Drift)]
    first = drifts[0]
    assert (first.metric, first.kind, first.direction) == ("latency_ms", "value", "up")
    assert first.labels == {"tenant": "acme", "route": "default"}
    assert first.reference.count == 60
    assert abs((first.since or 0) - (BEGIN + 200 * SECOND)) < 20 * SECOND
    assert BEGIN + 200 * SECOND <= first.at < BEGIN + 230 * SECOND
    assert len(first.examples) == 5
    assert all((one.text or "").startswith("question 2") for one in first.examples)


def test_an_objective_that_is_missed_fires_and_falls_silent_again() -> None:
    """Once each way."""
    alerts = [event for _, event in run(moved()) if isinstance(event, Alert)]
    states = [one.state for one in alerts if one.rule == "slow"]
    assert states == ["firing", "resolved"]


def test_nothing_is_told_of_what_does_not_change() -> None:
    """A constant figure, above all."""
    assert run(latencies([100.0] * 500)) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 499))
def test_order_and_crashes_change_nothing(seed: int, cut: int) -> None:
    """Late within bounds, some twice, and the process lost anywhere: the events since the
    oldest open window come again."""
    chance = np.random.default_rng(seed)
    events = moved()
    delays = chance.integers(0, SPEC.lateness, len(events))
    order = sorted(range(len(events)), key=lambda n: events[n].at + delays[n])
    arrived = [events[number] for number in order]
    arrived += [arrived[number] for number in chance.integers(0, 40, 5)]

    first = Monitor(SPEC, [RULE])
    told = []
    blobs: dict[tuple[str, str, str], tuple[bytes, bytes]] = {}
    kept = first.saved()
    for event in arrived[:cut]:
        first.take(event, event.at)
        told += first.close()
        kept = first.saved()
        for key, fixed, moving in first.changed():
            blobs[key] = (fixed if fixed is not None else blobs[key][0], moving)
    closed = first.closed_before(ANSWERS)
    again = [event for event in arrived[:cut] if event.at >= closed]
    second = Monitor(SPEC, [RULE], kept, blobs)
    told += told_of(second, [*again, *arrived[cut:]])
    told += quiet(second, events)
    expected = run(events)
    assert [one.id for one in told] == [name for name, _ in expected]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 499), max_size=8))
def test_how_often_windows_are_closed_changes_nothing(looks: list[int]) -> None:
    """After each event, now and then, or once at the end: the same events, to the last word."""
    events, monitor = moved(), Monitor(SPEC, [RULE])
    told = []
    for number, event in enumerate(events):
        monitor.take(event, event.at)
        if number in looks:
            told += monitor.close()
    told += quiet(monitor, events)
    assert [(one.id, one.event) for one in told] == run(events)


def test_who_has_a_place_does_not_depend_on_who_came_first() -> None:
    """Only on time: of one window the first by name."""
    spec = MonitorSpec(parts=1, stream=StreamSpec(vectors=(100,), values=(60,)))
    tenants = []
    for order in (("b", "a"), ("a", "b")):
        monitor = Monitor(spec, [])
        for tenant in order:
            monitor.take(answer(1, BEGIN, Part(tenant, ""), refusal=0.0), BEGIN)
        monitor.advance(ANSWERS, BEGIN + 3600 * SECOND)
        monitor.close()
        tenants.append({tenant for (_, tenant, _), _, _ in monitor.changed()})
    assert tenants[0] == tenants[1] == {"a", OTHERS.tenant}


def test_a_monitor_that_goes_on_still_shows_what_was_asked_before() -> None:
    """The texts of its examples are part of what is kept."""
    events = moved()
    whole = [event for _, event in run(events) if isinstance(event, Drift)]
    first = Monitor(SPEC, [RULE])
    told = told_of(first, events[:205])
    blobs = {key: (fixed or b"", moving) for key, fixed, moving in first.changed()}
    closed = first.closed_before(ANSWERS)
    second = Monitor(SPEC, [RULE], first.saved(), blobs)
    told += told_of(second, [event for event in events if event.at >= closed])
    assert next(one.event for one in told if isinstance(one.event, Drift)) == whole[0]


def told_of(monitor: Monitor, events: Sequence[Observation]):
    told = []
    for event in events:
        monitor.take(event, event.at)
        told += monitor.close()
    return told


def test_what_comes_too_late_twice_or_from_the_future_is_counted_as_that() -> None:
    """And changes no figure."""
    monitor = Monitor(SPEC, [])
    now = BEGIN + 1000 * SECOND
    assert monitor.take(answer(1, now, refusal=0.0), now) == "taken"
    assert monitor.take(answer(1, now, refusal=0.0), now) == "duplicate"
    monitor.close()
    assert monitor.take(answer(2, now - 60 * SECOND, refusal=0.0), now) == "late"
    assert monitor.take(answer(3, now + 61 * SECOND, refusal=0.0), now) == "fault"
    assert monitor.counts == {
        ("refusal", outcome): 1 for outcome in ("taken", "duplicate", "late", "fault")
    }


def test_time_is_held_back_for_a_partition_that_is_behind() -> None:
    """Its events are older, and not late."""
    monitor = Monitor(SPEC, [])
    monitor.take(answer(1, BEGIN + 500 * SECOND, refusal=0.0), BEGIN + 500 * SECOND)
    monitor.close({ANSWERS: BEGIN})
    assert monitor.take(answer(2, BEGIN + SECOND, refusal=0.0), BEGIN + 500 * SECOND) == "taken"


def test_tenants_and_routes_are_watched_apart_for_as_long_as_there_is_room() -> None:
    """Beyond that they share one place."""
    spec = MonitorSpec(parts=2, stream=StreamSpec(vectors=(100,), values=(60,)))
    monitor = Monitor(spec, [])
    for number, tenant in enumerate(("a", "b", "c", "d", "a")):
        monitor.take(answer(number, BEGIN, Part(tenant, ""), refusal=0.0), BEGIN)
    monitor.advance(ANSWERS, BEGIN + 3600 * SECOND)
    monitor.close()
    tenants = {tenant for (_, tenant, _), _, _ in monitor.changed()}
    assert tenants == {"a", "b", OTHERS.tenant}


def test_questions_unlike_any_before_are_novel() -> None:
    """By their vectors, with the questions as examples; bad vectors change nothing."""
    chance = np.random.default_rng(1)
    base = chance.normal(size=(4, 32))

    def asked(number: int, row: np.ndarray) -> Observation:
        seen = Observed({}, (QUERY_EMBEDDING, row.astype("<f4").tobytes()), f"question {number}")
        return Observation(
            source=ANSWERS, part=ACME, event_id=f"q{number}", at=BEGIN + number * SECOND, seen=seen
        )

    known = [base[n % 3] + chance.normal(size=32) * 0.3 for n in range(160)]
    new = [base[3] + chance.normal(size=32) * 0.3 for _ in range(40)]
    bad = [np.full(32, np.nan), np.zeros(32), np.ones(7)]
    events = [asked(number, row) for number, row in enumerate([*known, *bad, *new])]
    monitor = Monitor(SPEC, [])
    told = told_of(monitor, events)
    told += quiet(monitor, events)
    drifts = [one.event for one in told if isinstance(one.event, Drift)]
    assert [one.kind for one in drifts if one.drifted][:1] == ["novelty"]
    assert drifts[0].at >= BEGIN + 160 * SECOND
    assert monitor.counts[QUERY_EMBEDDING, "fault"] == 3
    (state,) = monitor.states()
    assert (state.active, state.reference_events) == (1, 100)
    assert state.nearness > 1


@pytest.mark.parametrize("source", FIGURES)
def test_an_empty_window_is_none(source: str) -> None:
    """Time that passes without events tells nothing."""
    monitor = Monitor(SPEC, [RULE])
    monitor.advance(source, BEGIN)
    assert monitor.close() == []
    assert monitor.states() == []
    assert DOCUMENTS in FIGURES
