"""The writer's order of effects: rows, then progress, whatever dies in between."""

import pytest

from streams.clients.errors import IndexUnavailable
from streams.workers import patience
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, Crash, Role, die, refuse

POINTS = ["before insert", "before delete", "before progress", "after progress", "before ack"]


async def edited(topology: Topology) -> None:
    """Two documents in the index, and a batch that edits, deletes and adds not yet applied."""
    topology.put("a.md", "# A\n\nA sentence that stays as it is.\n\n## B\n\nOne that will change.")
    topology.put("b.md", "A document that will be deleted.")
    await topology.run()
    topology.put("a.md", "# A\n\nA sentence that stays as it is.\n\n## B\n\nOne that has changed.")
    topology.delete("b.md")
    topology.put("c.md", "A document that was not there before.")
    await topology.indexer.drain()


@pytest.mark.parametrize("point", POINTS)
async def test_a_writer_that_dies_leaves_no_row_doubled_or_missing(
    topology: Topology, point: str
) -> None:
    """It applies the batch again, finding what it had done."""
    await edited(topology)
    at = topology.read_time() or 0
    before = await topology.visible(at)
    match point:
        case "before insert":
            topology.texts.before_insert = die
        case "before delete":
            topology.texts.before_delete = die
        case "before progress":
            topology.log.before_append = refuse("index.progress")
        case "after progress":
            topology.log.after_append = refuse("index.progress")
        case _:
            topology.writer.group.before_ack = die
    with pytest.raises((Crash, ExceptionGroup)):
        await topology.writer.settle()
    if point in ("before insert", "before delete", "before progress"):
        assert await topology.visible(at) == before
    topology.heal()
    await topology.writer.restart()
    await topology.run()
    assert set(await topology.visible(topology.read_time() or 0)) == {"a.md", "c.md"}
    assert await topology.visible(at) == before
    assert (await topology.verify()).total == 0
    assert topology.writer.group.unacked() == []


async def test_an_outage_of_the_index_is_waited_out(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that failed half way is tried again until it is done."""
    monkeypatch.setattr(patience, "_PAUSES_S", (0.0,))
    await edited(topology)
    outages = iter(range(3))

    def fail() -> None:
        if next(outages, None) is not None:
            raise IndexUnavailable("as the test asked")

    topology.texts.before_delete = fail
    await topology.run()
    assert next(outages, None) is None
    assert (await topology.verify()).total == 0


async def test_progress_is_what_a_new_writer_goes_on_from(topology: Topology) -> None:
    """Commits may be lost; what was published is not applied again."""
    await edited(topology)
    await topology.run()
    inserts = 0

    def count() -> None:
        nonlocal inserts
        inserts += 1

    topology.texts.before_insert = count
    topology.writer.group.seek({0: 0, 1: 0})
    await topology.writer.restart()
    await topology.writer.drain()
    assert inserts == 0
    assert (await topology.verify()).total == 0


async def test_a_writer_learns_what_another_one_did_meanwhile(topology: Topology) -> None:
    """A partition that went and came back while it looked away: no row is written twice."""
    await edited(topology)
    await topology.run()
    topology.put("d.md", "One more document for the index.")
    await topology.indexer.drain()
    place = topology.writer.group.place()
    other = Role(topology.another_writer, topology.writer.group, topology.log.partitions)
    await other.start()
    await other.drain()
    await other.crash()
    topology.writer.group.seek(place)
    await topology.writer.handler.assign(topology.writer.partitions)
    await topology.run()
    assert (await topology.verify()).total == 0


async def test_progress_never_goes_back(topology: Topology) -> None:
    """Not when a batch is applied again either."""
    await edited(topology)
    await topology.run()
    topology.writer.group.seek({0: 0, 1: 0})
    await topology.writer.restart()
    topology.put("d.md", "One more document for the index.")
    await topology.run()
    for partition in range(topology.log.partitions):
        times = [p.index_time for p in topology.all_progress() if p.partition == partition]
        assert times == sorted(set(times))


async def test_rows_beyond_the_horizon_are_dropped_and_no_others(topology: Topology) -> None:
    """Reads within the horizon stay as they were."""
    await edited(topology)
    await topology.run()
    at, rows = topology.read_time() or 0, len(await topology.rows())
    seen = await topology.visible(at)
    await topology.writer.idle()
    assert len(await topology.rows()) == rows
    topology.clock.advance((topology.settings.limits.horizon_ms + 1000) * (SECOND // 1000))
    await topology.writer.idle()
    assert await topology.rows() == await topology.open_rows()
    assert await topology.visible(at) == seen


async def test_an_overtaken_write_is_not_called_shown_before_what_overtook_it(
    topology: Topology,
) -> None:
    """Whoever waits for a write that a newer one beat finds the newer text, never the old one."""
    topology.put("a.md", "The text that was there before.")
    await topology.run()
    old = await topology.visible(topology.read_time() or 0)
    first = topology.put("a.md", "The text that is written first.")
    topology.put("b.md", "A document that comes between the two.")
    topology.put("a.md", "The text that is written last.")
    await topology.indexer.drain()
    assert "conflated" in topology.statuses("a.md")
    while await topology.writer.step(records=1):
        progress = topology.progress()[first.partition]
        if progress.applied >= first.offset:
            assert (await topology.visible(progress.index_time))["a.md"] != old["a.md"]
    assert topology.progress()[first.partition].applied > first.offset
    assert topology.writer.group.unacked() == []
