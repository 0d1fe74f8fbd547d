"""The indexer's order of effects: ticks, partitions, parts, crashes."""

import asyncio
from pathlib import Path

import pytest

import processors.parts as parts_module
from schemas.index import IndexChange
from streams.clients.errors import ModelUnavailable
from streams.clients.kafka import partition_of
from streams.workers import patience
from streams.workers.indexer import PartitionLost
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, Crash, Role, die, refuse, until

LONG = "\n\n".join(
    f"## Part {n}\n\nThis is paragraph {n}, which says {n} and nothing else." for n in range(12)
)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are cut into parts of a few units each."""
    monkeypatch.setattr(parts_module, "PART_BYTES", 6000)


def in_partition(partition: int, partitions: int = 2) -> str:
    """A document of a partition."""
    names = (f"{n}.md" for n in range(1000))
    return next(name for name in names if partition_of(name.encode(), partitions) == partition)


def records_before_the_end(topology: Topology) -> int:
    """How many records the writer has still to get before the last part of the last change."""
    place = topology.writer.group.place()
    left = [
        event
        for partition in range(topology.log.partitions)
        for event in topology.events(partition)[place[partition] :]
    ]
    return max(n for n, event in enumerate(left) if isinstance(event, IndexChange))


def kept_promises(topology: Topology) -> bool:
    """Whether index times grow in every partition, and what a tick says is applied was there."""
    for partition in range(topology.log.partitions):
        times: list[int] = []
        applied = -1
        for event in topology.events(partition):
            if isinstance(event, IndexChange):
                if event.source.offset <= applied:
                    return False
                if event.part == event.parts - 1:
                    applied = event.source.offset
                    times.append(event.index_time)
            else:
                times.append(event.index_time)
        if times != sorted(set(times)):
            return False
    return True


async def test_an_idle_partition_follows_the_clock(topology: Topology) -> None:
    """Without any event a read time comes, and advances with the clock."""
    topology.clock.advance()
    await topology.run()
    first = topology.read_time()
    topology.clock.advance(60 * SECOND)
    await topology.run()
    second = topology.read_time()
    assert first is not None
    assert second is not None
    assert second - first >= 60 * SECOND


async def test_an_event_shows_at_once_though_other_partitions_are_idle(topology: Topology) -> None:
    """After a batch every other partition ticks, so nobody waits for the next second."""
    topology.put("guide.md", "Text that should be seen at once.")
    await topology.indexer.drain()
    await topology.writer.drain()
    assert set(await topology.visible(topology.read_time() or 0)) == {"guide.md"}


async def test_ticks_get_rarer_while_nothing_happens(topology: Topology) -> None:
    """They stay in the log, so an hour of silence must not leave one a second."""
    for _ in range(3600):
        topology.clock.advance()
        await topology.indexer.handler.idle()
    assert 60 < len(topology.ticks()) / topology.log.partitions < 500


async def test_no_tick_passes_a_planned_change(topology: Topology) -> None:
    """While a document waits for its vectors its partition stands; the others go on."""
    slow, other = in_partition(0), 1
    await topology.run()
    topology.embedder.gate.clear()
    topology.put(slow, "Text whose vector is a long time coming.")
    await topology.indexer.step()
    before = len(topology.ticks())
    for _ in range(3):
        topology.clock.advance(20 * SECOND)
        await topology.indexer.idle()
    assert {partition for partition, _ in topology.ticks()[before:]} <= {0, other}
    late = [tick.index_time for partition, tick in topology.ticks() if partition == 0]
    topology.embedder.gate.set()
    await topology.run()
    (change,) = topology.changes(slow)
    assert max(late) < change.index_time
    assert sum(p == 1 for p, _ in topology.ticks()) - sum(p == 0 for p, _ in topology.ticks()) >= 3
    assert kept_promises(topology)


async def test_the_embedder_works_ahead_of_the_log(topology: Topology) -> None:
    """Batches are planned on what is planned before them: a text in flight is not sent again."""
    topology.embedder.gate.clear()
    topology.put("a.md", "# Same\n\nOne and the same sentence in both documents.")
    await topology.indexer.step()
    topology.put("b.md", "# Same\n\nOne and the same sentence in both documents.")
    topology.put("a.md", "# Same\n\nAnother sentence altogether for the document.")
    await topology.indexer.step()
    topology.embedder.gate.set()
    await topology.run()
    assert len(topology.embedder.texts) == len(set(topology.embedder.texts)) == 2
    assert (await topology.verify()).total == 0


async def test_the_clock_going_back_does_not_turn_index_time_back(topology: Topology) -> None:
    """Nor does a restart in the past: what the log holds is learnt first."""
    topology.put("a.md", "The first text of the document.")
    await topology.run()
    topology.clock.advance(-3600 * SECOND)
    topology.put("a.md", "The second text of the document.")
    await topology.indexer.drain()
    await topology.indexer.crash()
    topology.lose_view()
    await topology.indexer.start()
    topology.put("a.md", "The third text of the document.")
    await topology.indexer.drain()
    await topology.writer.drain()
    assert kept_promises(topology)
    assert len(topology.changes("a.md")) == 3
    ((only,),) = (await topology.visible(topology.read_time() or 0)).values()
    assert only.text.startswith("The third")


async def test_a_large_change_travels_in_parts(topology: Topology, small_parts: None) -> None:
    """Every long list is cut; the whole comes together again, whatever the writer's batches."""
    topology.put("long.md", LONG)
    await topology.indexer.drain()
    assert topology.changes()[0].parts > 3
    topology.clock.advance()
    await topology.indexer.idle()
    await topology.writer.drain(records=1)
    assert (await topology.verify()).total == 0
    (passages,) = (await topology.visible(topology.read_time() or 0)).values()
    assert len(passages) > 3


async def test_a_read_sees_nothing_of_a_change_until_its_last_part(
    topology: Topology, small_parts: None
) -> None:
    """Parts alone move no progress."""
    await topology.run()
    topology.put("long.md", LONG)
    await topology.indexer.drain()
    for _ in range(records_before_the_end(topology)):
        await topology.writer.step(records=1)
        assert await topology.visible(topology.read_time() or 0) == {}
    await topology.writer.drain(records=1)
    assert set(await topology.visible(topology.read_time() or 0)) == {"long.md"}


async def test_parts_that_a_crash_left_without_an_end_are_passed_over(
    topology: Topology, small_parts: None
) -> None:
    """The change is made anew, and once; the view may be lost as well."""
    topology.put("long.md", LONG)
    topology.log.before_append = refuse("index.changes", after=3)
    await topology.indexer.dies()
    orphans = len(topology.changes())
    topology.heal()
    topology.lose_view()
    await topology.indexer.start()
    await topology.run()
    whole = topology.changes()[orphans:]
    assert orphans == 3
    assert [change.part for change in whole] == list(range(whole[0].parts))
    assert (await topology.verify()).total == 0
    assert set(await topology.visible(topology.read_time() or 0)) == {"long.md"}


async def test_a_writer_that_dies_between_parts_is_given_them_again(
    topology: Topology, small_parts: None
) -> None:
    """What it has not applied it has not acknowledged."""
    topology.put("long.md", LONG)
    await topology.indexer.drain()
    await topology.writer.step(records=records_before_the_end(topology))
    await topology.writer.restart()
    await topology.run()
    assert set(await topology.visible(topology.read_time() or 0)) == {"long.md"}
    assert topology.writer.group.unacked() == []
    assert (await topology.verify()).total == 0


async def test_a_second_indexer_makes_the_first_one_stop(
    topology: Topology, tmp_path: Path
) -> None:
    """Who writes where another has written finds out, and the log still folds to one truth."""
    topology.put("a.md", "The first text of the document.")
    await topology.run()
    second = Role(lambda: topology.another_indexer(tmp_path / "second"), topology.indexer.group, 2)
    await second.start()
    topology.put("a.md", "The text that the second one saw.")
    await second.drain()
    second.group.seek({0: 0, 1: 0})
    topology.put("a.md", "The text that both of them saw.")
    with pytest.raises(PartitionLost):
        await topology.indexer.settle()
    await second.crash()
    await topology.indexer.restart()
    await topology.run()
    assert (await topology.verify()).total == 0
    ((only,),) = (await topology.visible(topology.read_time() or 0)).values()
    assert only.text == "The text that both of them saw."


async def test_a_plan_made_before_another_indexer_wrote_is_given_up(
    topology: Topology, tmp_path: Path
) -> None:
    """A partition that went and came back while a batch waited for vectors: start anew."""
    topology.put("a.md", "The first text of the document.")
    await topology.run()
    topology.embedder.gate.clear()
    topology.put("a.md", "The second text of the document.")
    await topology.indexer.step()
    second = Role(lambda: topology.another_indexer(tmp_path / "second"), topology.indexer.group, 2)
    await second.start()
    await second.crash()
    with pytest.raises(PartitionLost):
        await topology.indexer.handler.assign(topology.indexer.partitions)
    await topology.indexer.restart()
    await topology.run()
    assert (await topology.verify()).total == 0


async def test_a_full_pipeline_dies_with_its_embedder(topology: Topology) -> None:
    """A worker that waits for room must not wait for ever for a stage that has ended."""
    topology.embedder.gate.clear()
    for number in range(6):
        topology.put(f"{number}.md", f"Text number {number} of several.")
    topology.embedder.fault = Crash()
    delivering = asyncio.create_task(topology.indexer.drain(records=1))
    await until(lambda: len(topology.indexer.group.unacked()) == 3)
    await asyncio.sleep(0.05)  # the third batch is planned in a thread, then waits for room
    topology.embedder.gate.set()
    with pytest.raises(Crash):
        await asyncio.wait_for(delivering, 20)
    topology.embedder.fault = None
    await topology.indexer.restart()
    await topology.run()
    assert len(await topology.visible(topology.read_time() or 0)) == 6


async def test_an_outage_of_the_embedder_is_waited_out(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is planned waits for the model; the indexer neither dies nor loses it."""
    monkeypatch.setattr(patience, "_PAUSES_S", (0.01,))
    topology.embedder.fault = ModelUnavailable("as the test asked")
    topology.put("a.md", "A text that has to wait for its model.")
    waiting = asyncio.create_task(topology.indexer.drain())
    await asyncio.sleep(0.1)
    assert not topology.changes("a.md")
    topology.embedder.fault = None
    await until(lambda: len(topology.changes("a.md")) == 1)
    await waiting


async def test_a_large_document_is_embedded_by_several_calls(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No call grows with the document, so none outlasts its deadline."""
    monkeypatch.setattr("streams.workers.embedding._AT_ONCE", 5)
    topology.put("long.md", LONG)
    await topology.run()
    assert max(topology.embedder.calls) == 5
    assert sum(topology.embedder.calls) == 12


@pytest.mark.parametrize("lose_view", [False, True])
@pytest.mark.parametrize("point", ["before emit", "half emitted", "after emit", "before ack"])
async def test_an_indexer_that_dies_loses_and_doubles_nothing(
    topology: Topology, point: str, lose_view: bool
) -> None:
    """At each point, with its view or without, the next one goes on from the log."""
    topology.put("a.md", "The first text of the document.")
    await topology.run()
    for doc_id in ("a.md", "b.md", "c.md"):
        topology.put(doc_id, f"The new text of {doc_id} for all.", id=doc_id)
    _put_fault(topology, point)
    await topology.indexer.dies()
    topology.heal()
    if lose_view:
        topology.lose_view()
    await topology.indexer.start()
    await topology.run()
    assert sorted(topology.statuses()) == ["indexed"] * 4
    assert len(await topology.visible(topology.read_time() or 0)) == 3
    assert (await topology.verify()).total == 0
    assert kept_promises(topology)


def _put_fault(topology: Topology, point: str) -> None:
    match point:
        case "before emit":
            topology.log.before_append = refuse("index.changes")
        case "half emitted":
            topology.log.before_append = refuse("index.changes", after=2)
        case "after emit":
            topology.log.after_append = refuse("index.changes", after=2)
        case _:
            topology.indexer.group.before_ack = die


@pytest.mark.parametrize("later", [0, SECOND])
async def test_a_view_of_another_log_is_made_anew(tmp_path: Path, later: int) -> None:
    """A log that was lost, or another cluster under the same folder, owes nothing to the view."""
    for number in range(2):
        async with Topology(tmp_path, answers=False) as topology:
            topology.clock.advance(later * number)
            for _ in range(3 - number):
                topology.clock.advance()
                await topology.indexer.idle()
            topology.put("a.md", "A text that both logs are given.", id="1")
            await topology.run()
            assert topology.statuses() == ["indexed"]
            assert (await topology.verify()).total == 0
