"""The monitor on the log: nothing counted twice, nothing told twice, nothing lost."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring import metrics
from processors.feedback.agreement import Agreement, Figures
from schemas.codec import decode_as, encode
from schemas.envelope import headers
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback
from schemas.index import IndexChange, Source, UnitGained
from schemas.monitoring import Alert, Drift
from schemas.topics import type_of
from streams.clients.kafka import partition_of
from tests.doubles.embedder import vector_of
from tests.doubles.log import MemoryLog
from tests.topology.monitoring import MonitorRole
from tests.topology.roles import BEGIN, ManualClock, refuse


@pytest_asyncio.fixture
async def monitor(tmp_path: Path) -> AsyncIterator[MonitorRole]:
    clock = ManualClock()
    role = MonitorRole(MemoryLog(2, clock), clock, tmp_path / "monitor")
    await role.start()
    yield role
    await role.crash()


def judged(
    log: MemoryLog,
    clock: ManualClock,
    number: int,
    latency_ms: float = 100.0,
    good: bool = True,
    shadow_of: str | None = None,
) -> None:
    """An answer's evaluation, as the judge writes it."""
    evaluation = Evaluation(
        query_id=f"q{number}",
        tenant="acme",
        judge="words@1",
        at=clock(),
        scores=[
            Score(
                name="groundedness",
                label="grounded" if good else "ungrounded",
                score=0.9 if good else 0.1,
            ),
            Score(name="latency_ms", score=latency_ms),
        ],
        labels={"route": "default"},
        answered_at=clock(),
        question=f"question {number}",
        shadow_of=shadow_of,
    )
    partition = partition_of(evaluation.query_id.encode(), log.partitions)
    place = f"responses/{partition}@{len(log.all('responses', partition))}"
    log.append("responses", evaluation.query_id, b"{}", (), partition)
    name = headers(type_of(evaluation), source="freshet/judge", time=clock(), id=place)
    log.append("evaluations", evaluation.query_id, encode(evaluation), name, partition)


def said(log: MemoryLog, clock: ManualClock, number: int, rating: int, id: str = "") -> None:
    """A thumb."""
    feedback = Feedback(query_id=f"q{number}", tenant="acme", rating=rating)  # type: ignore[arg-type]
    name = headers(
        type_of(feedback), source="test", time=clock(), id=id or f"{number}/{rating}/{clock()}"
    )
    log.append("feedback", feedback.query_id, encode(feedback), name)


def traffic(log: MemoryLog, clock: ManualClock) -> None:
    """Quick answers, slow ones, quick ones; a thumb for every third."""
    for number in range(360):
        clock.advance()
        slow = 150 <= number < 230
        judged(log, clock, number, 3000.0 + number if slow else 100.0 + number % 7, not slow)
        if number % 3 == 0:
            said(log, clock, number, -1 if slow else 1)


def drifts(log: MemoryLog) -> list[Drift]:
    return [decode_as(Drift, record.value or b"") for record in log.all("drift")]


def alerts(log: MemoryLog) -> list[Alert]:
    return [decode_as(Alert, record.value or b"") for record in log.all("alerts")]


def ids(log: MemoryLog) -> Counter[str]:
    records = [*log.all("drift"), *log.all("alerts")]
    return Counter(dict(record.headers)["ce_id"].decode() for record in records)


def observations(metric: str, outcome: str) -> float:
    """As Prometheus would read it."""
    counter = metrics.counter(metrics.MONITOR_OBSERVATIONS).labels(metric, outcome)
    return float(counter._value.get())


def agreement(role: MonitorRole) -> Figures:
    state = role.worker._store.agreement()
    return next(one for one in Agreement(state).figures() if one.judge is None)


async def test_what_moves_is_told_and_falls_silent(monitor: MonitorRole) -> None:
    """A drift event, an alert that fires, and one that resolves it."""
    traffic(monitor.log, monitor.clock)
    await monitor.drain()
    await monitor.quiet()
    await monitor.quiet()
    assert {one.metric for one in drifts(monitor.log)} >= {"latency_ms", "groundedness"}
    states = [one.state for one in alerts(monitor.log) if one.rule == "slow"]
    assert states == ["firing", "resolved"]
    assert monitor.worker._monitor.firing() == []


async def test_what_nobody_has_seen_moves_nothing(monitor: MonitorRole) -> None:
    """No figure, no objective, no agreement; it is not even embedded. Time goes on all the same."""
    for number in range(300):
        monitor.clock.advance()
        judged(monitor.log, monitor.clock, number, 100.0 + number % 7)
        judged(monitor.log, monitor.clock, number + 1000, 9000.0, False, f"q{number}")
        said(monitor.log, monitor.clock, number + 1000, -1)
    before = observations("latency_ms", "taken")
    await monitor.drain()
    await monitor.quiet()
    assert observations("latency_ms", "taken") - before == 300
    assert len(monitor.embedder.texts) == 300
    assert (drifts(monitor.log), alerts(monitor.log)) == ([], [])
    assert agreement(monitor).table.pairs == 0


async def test_thumbs_move_the_agreement(monitor: MonitorRole) -> None:
    """A pair for each answer that both have spoken of."""
    traffic(monitor.log, monitor.clock)
    await monitor.drain()
    before = agreement(monitor)
    assert before.table.pairs == 120
    assert before.kappa == pytest.approx(1.0)
    said(monitor.log, monitor.clock, 1, -1)
    await monitor.drain()
    after = agreement(monitor)
    assert after.table.pairs == 121
    assert (after.kappa or 0) < 1.0


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, 60), max_size=6), st.integers(0, 99), st.integers(0, 5))
async def test_a_monitor_that_dies_counts_nothing_twice_and_tells_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory, crashes: Sequence[int], seed: int, sends: int
) -> None:
    """Anywhere: between batches, and before and after an event of its own is in the log."""
    results = []
    for lost in (False, True):
        clock = ManualClock()
        role = MonitorRole(
            MemoryLog(2, clock), clock, tmp_path_factory.mktemp("m") / "monitor", seed
        )
        traffic(role.log, clock)
        await role.start()
        if lost:
            role.log.before_append = refuse("drift" if seed % 2 else "alerts", after=sends)
        await role.survives(crashes if lost else ())
        role.log.before_append = None
        await role.quiet()
        await role.quiet()
        results.append((sorted(ids(role.log).items()), agreement(role)))
        await role.crash()
    assert results[0] == results[1]
    assert set(dict(results[0][0]).values()) == {1}


async def test_an_event_that_was_sent_before_a_crash_is_not_sent_again(
    monitor: MonitorRole,
) -> None:
    """Its id says that it is in the log."""
    traffic(monitor.log, monitor.clock)
    monitor.log.after_append = refuse("drift")
    await monitor.survives(())
    assert set(ids(monitor.log).values()) == {1}


async def test_a_lost_view_is_read_from_the_log_anew(monitor: MonitorRole, tmp_path: Path) -> None:
    """And tells nothing a second time."""
    traffic(monitor.log, monitor.clock)
    await monitor.drain()
    await monitor.quiet()
    before, pairs = ids(monitor.log), agreement(monitor)
    await monitor.crash()
    another = MonitorRole(monitor.log, monitor.clock, tmp_path / "another")
    await another.start()
    await another.drain()
    await another.quiet(1)
    assert ids(another.log) == before
    assert agreement(another) == pairs
    await another.crash()


async def test_a_view_of_another_make_is_read_from_the_log_anew(monitor: MonitorRole) -> None:
    """Nobody has to know that the file is to be deleted."""
    traffic(monitor.log, monitor.clock)
    await monitor.drain()
    before, pairs = ids(monitor.log), agreement(monitor)
    with monitor.worker._store.transaction():
        monitor.worker._store._db.execute("update streams set fixed = x'80'")
    await monitor.crash()
    await monitor.start()
    await monitor.drain()
    assert ids(monitor.log) == before
    assert agreement(monitor) == pairs


async def test_bad_events_are_put_aside(monitor: MonitorRole) -> None:
    """And those after them count."""
    monitor.log.append("feedback", "q1", b"{", ())
    monitor.log.append("evaluations", "q1", b"[]", ())
    monitor.log.append("feedback", "q1", None, ())
    judged(monitor.log, monitor.clock, 1)
    said(monitor.log, monitor.clock, 1, 1)
    await monitor.drain()
    assert len(monitor.log.all("dead-letters")) == 3
    assert agreement(monitor).table.pairs == 1


def changed(log: MemoryLog, clock: ManualClock, number: int, *vectors: bytes) -> None:
    """A document's change, with these vectors of new units."""
    change = IndexChange(
        doc_id=f"d{number}",
        index_version="v1",
        index_time=clock(),
        source=Source(partition=0, offset=number),
        status="indexed",
        units_gained=[
            UnitGained(unit_id=f"u{at}", passage_id="p", embed_key="k", vector=vector)
            for at, vector in enumerate(vectors)
        ],
    )
    name = headers(type_of(change), source="freshet/indexer", time=clock())
    log.append("index.changes", change.doc_id, encode(change), name)


async def test_vectors_that_are_none_are_faults_and_those_behind_them_count(
    monitor: MonitorRole,
) -> None:
    """Of odd sizes, of different ones, empty, and of no number."""
    whole = vector_of("a river").tobytes()
    for number in range(120):
        monitor.clock.advance()
        changed(monitor.log, monitor.clock, number, whole)
    nan = np.full(384, np.nan, "<f4").tobytes()
    for number, vectors in enumerate([(whole[:7],), (whole, whole[:8]), (b"",), (nan, whole)]):
        changed(monitor.log, monitor.clock, 200 + number, *vectors)
    monitor.log.append("index.changes", "d", b"{", ())
    monitor.log.append("index.changes", None, None, ())
    await monitor.drain()
    faults = observations("document_embedding", "fault")
    await monitor.quiet()
    assert observations("document_embedding", "fault") - faults == 4
    assert len(monitor.log.all("dead-letters")) == 2


async def test_drift_of_thumbs_with_long_comments_is_told(monitor: MonitorRole) -> None:
    """An example shows the beginning: an event that nobody could read would be sent for ever."""
    for number in range(160):
        monitor.clock.advance()
        bad = number >= 100
        feedback = Feedback(
            query_id=f"q{number}",
            tenant="t" * 128,
            rating=-1 if bad else 1,
            comment="no good " * 1000 if bad else "",
        )
        name = headers(
            type_of(feedback), source="s" * 512, time=monitor.clock(), id=f"{number}".zfill(512)
        )
        monitor.log.append("feedback", feedback.query_id, encode(feedback), name)
    await monitor.drain()
    await monitor.quiet()
    (drift,) = [one for one in drifts(monitor.log) if one.metric == "feedback_rating"]
    assert drift.direction == "down"
    assert [len(one.text or "") for one in drift.examples] == [1024] * 5


async def test_time_does_not_pass_for_answers_that_wait_for_the_judge(
    monitor: MonitorRole,
) -> None:
    """A judge that was away for an hour makes nothing late."""
    judged(monitor.log, monitor.clock, 1)
    monitor.log.append("responses", "q9", b"{}", (), 0)
    await monitor.drain()
    await monitor.quiet()
    assert monitor.worker._monitor.closed_before("answers") < BEGIN
    assert monitor.worker._monitor.closed_before("feedback") > BEGIN
