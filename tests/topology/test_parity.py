"""A replay over the log says what was said online; and where it does not, it says where."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.replay.parity import Parity
from schemas.codec import decode_as, encode
from schemas.control import Calibration, key_of
from schemas.envelope import headers
from schemas.evaluations import Evaluation, Score
from schemas.monitoring import Drift
from schemas.responses import Response
from schemas.topics import type_of
from streams.clients.kafka import Record
from streams.replay.means import Means
from streams.replay.parity import Live, Range, compare_monitor, compare_quotas
from streams.replay.parity_evaluations import Judging, compare_judging
from streams.replay.parity_retrieval import Retrieving, compare_retrieval
from streams.replay.source import LogSource
from tests.doubles.log import MemoryLog
from tests.topology.driver import Topology
from tests.topology.monitoring import MonitorRole
from tests.topology.roles import BEGIN, SECOND, ManualClock, refuse, turns
from tests.topology.test_monitor import changed, judged, traffic
from tests.topology.test_replay import _means as means_for

ALWAYS = Range(0, 2**62)
RIVER = "The river Oder rises in the Czech Republic. It flows into the Baltic Sea at last."
QUESTION = "Where does the river Oder rise?"


@pytest_asyncio.fixture
async def monitor(tmp_path: Path) -> AsyncIterator[MonitorRole]:
    clock = ManualClock()
    role = MonitorRole(MemoryLog(2, clock), clock, tmp_path / "monitor")
    await role.start()
    yield role
    await role.crash()


async def watched(role: MonitorRole) -> Parity:
    """The monitor's part of the comparison."""
    parity = Parity()
    live = Live(role.over, behind_us=10 * SECOND)
    await compare_monitor(role.log, live, parity, ALWAYS, role.clock())
    return parity


async def evaluated(topology: Topology, within: Range = ALWAYS) -> Parity:
    """The judge's part."""
    parity = Parity()
    judging = Judging(topology.judge_model, {})
    await compare_judging(topology.log, judging, parity, *within)
    return parity


async def found_again(topology: Topology) -> Parity:
    """The search's part."""
    parity, source = Parity(), LogSource(topology.log)

    @asynccontextmanager
    async def means() -> AsyncIterator[Means]:
        yield await means_for(topology, reader=None)

    await compare_retrieval(Retrieving(source, means), parity, *ALWAYS)
    return parity


async def charged(topology: Topology) -> Parity:
    """The ledger's part."""
    parity = Parity()
    await compare_quotas(topology.log, parity, ALWAYS)
    return parity


async def known(topology: Topology) -> None:
    topology.put("oder.md", RIVER, title="Oder")
    await topology.run()


async def answers(topology: Topology, count: int, begin: int = 0) -> None:
    """Questions asked and answered, judged or not as the test has it."""
    for number in range(begin, begin + count):
        topology.ask(QUESTION, f"q{number}")
        topology.clock.advance()
    await topology.admission.drain()
    await topology.answerer.drain()


def rewrite(log: MemoryLog, topic: str, change: Any) -> None:
    """Falsify the first record of a topic."""
    for partition in range(log.partitions):
        records = log._records[topic, partition]
        if records:
            event = change(records[0])
            records[0] = records[0]._replace(value=encode(event))
            return


# The monitor


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, 60), max_size=6), st.integers(0, 99), st.integers(0, 5))
async def test_whatever_became_of_the_monitor_its_replay_tells_the_same(
    tmp_path_factory: pytest.TempPathFactory, crashes: Sequence[int], seed: int, sends: int
) -> None:
    """Thrown away anywhere, read in any interleaving, its windows closed as chance has it."""
    clock = ManualClock()
    role = MonitorRole(MemoryLog(2, clock), clock, tmp_path_factory.mktemp("m") / "monitor", seed)
    traffic(role.log, clock)
    await role.start()
    role.log.before_append = refuse("drift" if seed % 2 else "alerts", after=sends)
    await role.survives(crashes)
    role.log.before_append = None
    await role.quiet()
    await role.quiet()
    await role.crash()
    parity = await watched(role)
    assert parity.found == []
    assert parity.parts["drift"].compared > 0
    assert parity.parts["alerts"].compared > 0


async def test_a_monitor_that_looks_as_it_happens_tells_what_a_replay_tells(
    monitor: MonitorRole,
) -> None:
    """One event at a time, or a whole day at once: documents, answers and thumbs."""
    for number in range(300):
        monitor.clock.advance()
        slow = 150 <= number < 230
        judged(monitor.log, monitor.clock, number, 3000.0 if slow else 100.0 + number % 7, not slow)
        changed(monitor.log, monitor.clock, number)
        while await monitor.step(1):
            pass
        await monitor.worker.look_round()
    await monitor.quiet()
    await monitor.quiet()
    drifts = [decode_as(Drift, record.value or b"") for record in monitor.log.all("drift")]
    assert any(one.text for drift in drifts for one in drift.examples)
    assert (await watched(monitor)).found == []


async def test_answers_that_are_judged_late_are_waited_for(monitor: MonitorRole) -> None:
    """A judge works off the backlog of one partition before another's."""
    traffic(monitor.log, monitor.clock)
    late = list(monitor.log._records["evaluations", 1])
    monitor.log._records["evaluations", 1].clear()
    monitor.log._ends["evaluations", 1] = 0
    await monitor.drain()
    assert monitor.worker._monitor.closed_before("answers") < BEGIN
    for record in late:
        monitor.log.append(*_again(record))
    await monitor.drain()
    await monitor.quiet()
    await monitor.quiet()
    assert (await watched(monitor)).found == []


def _again(record: Record) -> tuple[str, bytes | None, bytes | None, Any, int]:
    return record.topic, record.key, record.value, record.headers, record.partition


async def test_what_the_monitor_has_not_told_yet_is_waited_for(monitor: MonitorRole) -> None:
    """It is behind: that is no difference. What is told by nobody is one."""
    traffic(monitor.log, monitor.clock)
    monitor.clock.advance(15 * SECOND)
    parity = await watched(monitor)
    assert parity.parts["drift"].waiting + parity.parts["drift"].differences > 0
    monitor.clock.advance(3600 * SECOND)
    parity = await watched(monitor)
    assert parity.parts["drift"].waiting == 0
    assert parity.parts["drift"].differences > 0


async def test_a_drift_event_that_was_falsified_is_told_by_its_id(monitor: MonitorRole) -> None:
    """With both values."""
    traffic(monitor.log, monitor.clock)
    await monitor.drain()
    await monitor.quiet()
    rewrite(
        monitor.log, "drift", lambda one: replace(decode_as(Drift, one.value or b""), value=7.5)
    )
    (difference,) = (await watched(monitor)).found
    assert difference.what == "drift"
    assert "online 7.5" in difference.message


# The judge


async def test_judged_once_more_an_answer_gets_the_same_scores(topology: Topology) -> None:
    """By the passages of its receipt, whatever became of the document; and nothing is written."""
    await known(topology)
    await answers(topology, 5)
    topology.delete("oder.md")
    await topology.index_all()
    await topology.judge.drain()
    before = len(topology.evaluations())
    parity = await evaluated(topology)
    assert parity.found == []
    assert parity.parts["evaluations"].compared == 5
    assert len(topology.evaluations()) == before


@pytest.mark.parametrize("after", range(4))
async def test_whatever_became_of_the_judge_its_replay_says_the_same(
    topology: Topology, after: int
) -> None:
    """Killed before, between and behind the records of a batch; and delivered once more."""
    await known(topology)
    place = topology.judge.group.place()
    await answers(topology, 4)
    topology.log.before_append = refuse("evaluations", after=after)
    await topology.judge.dies()
    topology.heal()
    await topology.judge.start()
    topology.judge.group.seek(place)
    await topology.judge.drain()
    parity = await evaluated(topology)
    assert parity.found == []
    assert parity.parts["evaluations"].compared == 4


async def test_an_answer_is_judged_by_the_control_of_its_time(topology: Topology) -> None:
    """Not by a calibration that came after; and by one that was there."""
    await known(topology)
    await answers(topology, 2)
    await topology.judge.drain()
    topology.clock.advance(60 * SECOND)
    calibration = Calibration(
        revision=1,
        by="somebody",
        why="a test",
        at=topology.clock(),
        name="words",
        version=2,
        method="platt",
        points=[(0.0, 0.0), (1.0, 0.5)],
        threshold=0.5,
        labels=40,
        share=1.0,
    )
    name = headers(type_of(calibration), source="test", time=topology.clock())
    topology.log.append("control", key_of(calibration), encode(calibration), name)
    await turns()
    await answers(topology, 2, begin=2)
    await topology.judge.drain()
    assert {one.judge for one in topology.evaluations()} == {"words@1", "words@2"}
    assert (await evaluated(topology)).found == []


async def test_a_question_that_is_gone_is_taken_from_its_evaluation(topology: Topology) -> None:
    """What was let through is kept for a shorter time than what was made of it."""
    await known(topology)
    await answers(topology, 3)
    await topology.judge.drain()
    for partition, end in (await topology.log.ends("queries.admitted")).items():
        topology.log.trim("queries.admitted", partition, end)
    assert (await evaluated(topology)).found == []


async def test_answers_that_no_judge_has_come_to_are_waited_for(topology: Topology) -> None:
    """Neither a difference nor in silence."""
    await known(topology)
    await answers(topology, 3)
    parity = await evaluated(topology)
    assert parity.differences == 0
    assert parity.parts["evaluations"].waiting == 3


async def test_a_score_that_was_falsified_is_told_with_its_response(topology: Topology) -> None:
    """By its place in the log."""
    await known(topology)
    await answers(topology, 3)
    await topology.judge.drain()
    rewrite(
        topology.log,
        "evaluations",
        lambda one: replace(
            decode_as(Evaluation, one.value or b""), scores=[Score(name="groundedness", score=1)]
        ),
    )
    (difference,) = (await evaluated(topology)).found
    assert difference.where.startswith("responses/")
    assert "scores" in difference.message


async def test_another_judge_than_the_one_online_is_named(topology: Topology) -> None:
    """It is gone: what it said cannot be had any more."""
    await known(topology)
    await answers(topology, 1)
    await topology.judge.drain()
    topology.judge_model.version = "words@9"
    (difference,) = (await evaluated(topology)).found
    assert difference.why is not None
    assert "words@1" in difference.why


async def test_only_what_was_answered_in_the_range_is_judged(topology: Topology) -> None:
    """By the time at which the log got it."""
    await known(topology)
    await answers(topology, 2)
    topology.clock.advance(100 * SECOND)
    middle = topology.clock()
    await answers(topology, 3, begin=2)
    await topology.judge.drain()
    compared = [
        (await evaluated(topology, one)).parts["evaluations"].compared
        for one in (Range(0, middle), Range(middle, 2**60), ALWAYS)
    ]
    assert compared == [2, 3, 5]


# Retrieval


async def test_what_was_found_is_found_again_through_edits(topology: Topology) -> None:
    """And an answer whose receipt says otherwise is told by its question."""
    await known(topology)
    await answers(topology, 3)
    topology.put("oder.md", RIVER.replace("Czech Republic", "mountains of Moravia"), title="Oder")
    await topology.index_all()
    await answers(topology, 3, begin=3)
    parity = await found_again(topology)
    assert (parity.found, parity.parts["retrieval"].compared) == ([], 6)

    def falsified(record: Record) -> Any:
        response = decode_as(Response, record.value or b"")
        assert response.receipt is not None
        return replace(response, receipt=replace(response.receipt, passages=["other@1"]))

    rewrite(topology.log, "responses", falsified)
    (difference,) = (await found_again(topology)).found
    assert (difference.what, difference.where[0]) == ("retrieval", "q")


# The ledger


async def test_the_ledger_replayed_charges_what_the_answers_used(topology: Topology) -> None:
    """Question by question, and each tenant's sum."""
    await known(topology)
    await answers(topology, 4)
    parity = await charged(topology)
    assert parity.found == []
    assert parity.parts["quotas"].compared >= 9


@pytest.mark.parametrize("after", range(3))
async def test_whatever_became_of_the_answerer_its_charges_are_replayed(
    topology: Topology, after: int
) -> None:
    """Killed between a charge and its answer."""
    await known(topology)
    for number in range(3):
        topology.ask(QUESTION, f"q{number}")
    await topology.admission.drain()
    topology.log.after_append = refuse("usage", after=after)
    await topology.answerer.dies()
    topology.heal()
    await topology.answerer.start()
    await topology.answerer.drain()
    assert len(topology.responses()) == 3
    assert (await charged(topology)).found == []


async def test_an_answer_that_says_it_used_more_is_told(topology: Topology) -> None:
    """By its question, and in its tenant's sum."""
    await known(topology)
    await answers(topology, 1)
    (response,) = topology.responses()
    dearer = replace(response, usage=replace(response.usage, output_tokens=10_000))
    rewrite(topology.log, "responses", lambda _: dearer)
    assert {one.where for one in (await charged(topology)).found} == {"q0", "tenant acme"}


async def test_a_ledger_whose_beginning_is_gone_decides_nothing(topology: Topology) -> None:
    """That is said, and no difference is made up."""
    await known(topology)
    await answers(topology, 2)
    topology.log.trim("usage", 0, 1)
    parity = await charged(topology)
    assert (parity.differences, parity.parts["quotas"].unknown) == (0, 1)
