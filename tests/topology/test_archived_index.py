"""An index made of the archive shows documents that the log has long forgotten."""

from copy import deepcopy
from pathlib import Path

import pytest
from msgspec.structs import replace

from processors.readtime import Frozen
from processors.split import ChunkSpec
from processors.version import IndexSpec
from schemas.control import IndexVersion
from streams.config import Settings
from streams.replay.folds import ChangesGone
from streams.replay.prepare import Means
from streams.replay.source import LogSource
from streams.versions.archived import OtherBuild, Still, put
from streams.versions.asof import NoSuchState, shown_at
from tests.doubles.log import MemoryLog
from tests.doubles.replaying import Replaying
from tests.topology.driver import Topology
from tests.topology.roles import SECOND, Crash, refuse
from tests.topology.standing import TEXT, past, texts
from tests.topology.versions import Version, in_force

STILL = IndexSpec(name="still")
SHORT = IndexSpec(name="still", chunk=ChunkSpec(unit_max=60, passage_target=40, passage_max=60))
CHANGES = "index.changes.still"


class Archive:
    """What the log held before compaction took the texts that were replaced."""

    def __init__(self, topology: Topology, folder: Path) -> None:
        self.log = _copy(topology.log)
        self.replaying = Replaying(self.log, Settings(state_dir=folder), folder)
        topology.log.compact("documents")

    @property
    def means(self) -> Means:
        """What an index is made of."""
        return self.replaying.means()


def _copy(log: MemoryLog) -> MemoryLog:
    copy = MemoryLog(log.partitions)
    copy._records, copy._starts, copy._ends = deepcopy((log._records, log._starts, log._ends))
    return copy


async def put_all(topology: Topology, archive: Archive, spec: IndexSpec, frozen: Frozen) -> int:
    """Put the changes of a version that stands still there into its topic."""
    applied = {f"documents/{p}": offset for p, offset in frozen.applied.items()}
    still = Still("v1", frozen.at, applied)
    control = await in_force(topology.log)
    return await put(topology.log, archive.means, control, spec, still)


async def built(topology: Topology, spec: IndexSpec, frozen: Frozen) -> Version:
    """The version with its workers, once its changes are there."""
    version = Version(topology, spec, frozen)
    assert await version.build() == frozen.at
    return version


async def test_it_shows_what_the_log_has_no_longer_and_embeds_nothing(
    topology: Topology, tmp_path: Path
) -> None:
    """Document by document as it was then; its workers add nothing to what is there."""
    still = await past(topology)
    archive, before = Archive(topology, tmp_path), list(topology.embedder.texts)
    await put_all(topology, archive, STILL, still)
    records = topology.log.all(CHANGES)
    version = await built(topology, STILL, still)
    shown = await texts(version.index, still.at)
    assert shown == await texts(topology.index, still.at)
    assert shown["oder.md"] == [TEXT]
    assert topology.log.all(CHANGES) == records
    assert (topology.embedder.texts, archive.replaying.embedder.texts) == (before, [])


async def test_another_cut_is_made_of_the_same_texts(topology: Topology, tmp_path: Path) -> None:
    """Each document in shorter passages, which together are its text."""
    still = await past(topology)
    await put_all(topology, Archive(topology, tmp_path), SHORT, still)
    shown = await texts((await built(topology, SHORT, still)).index, still.at)
    whole = await texts(topology.index, still.at)
    assert {name: " ".join(passages) for name, passages in shown.items()} == {
        name: " ".join(passages) for name, passages in whole.items()
    }
    assert len(shown["oder.md"]) > 1


@pytest.mark.parametrize("after", [0, 1, 3, 5])
async def test_a_build_that_dies_goes_on_where_it_was(
    topology: Topology, tmp_path: Path, after: int
) -> None:
    """And comes to what it would have come to; then again nothing is put twice."""
    still = await past(topology)
    archive = Archive(topology, tmp_path)
    topology.log.before_append = refuse(CHANGES, after=after)
    with pytest.raises(Crash):
        await put_all(topology, archive, SHORT, still)
    topology.heal()
    await put_all(topology, archive, SHORT, still)
    records = topology.log.all(CHANGES)
    changes = await put_all(topology, archive, SHORT, still)
    assert [record for record in topology.log.all(CHANGES) if record.key is not None] == [
        record for record in records if record.key is not None
    ]
    version = await built(topology, SHORT, still)
    assert len(version.changes()) == changes
    whole = await texts(topology.index, still.at)
    assert (await texts(version.index, still.at)).keys() == whole.keys()


async def test_what_another_build_began_is_left_alone(topology: Topology, tmp_path: Path) -> None:
    """Another cut, and another moment: they cannot be told apart once they are mixed."""
    still = await past(topology)
    archive = Archive(topology, tmp_path)
    topology.log.before_append = refuse(CHANGES, after=4)
    with pytest.raises(Crash):
        await put_all(topology, archive, SHORT, still)
    topology.heal()
    with pytest.raises(OtherBuild):
        await put_all(topology, archive, STILL, still)
    await put_all(topology, archive, SHORT, still)
    earlier = Frozen(still.at - 1, still.applied)
    with pytest.raises(OtherBuild):
        await put_all(topology, archive, SHORT, earlier)


async def test_an_archive_that_was_begun_too_late_is_refused(
    topology: Topology, tmp_path: Path
) -> None:
    """Before a record is written."""
    still = await past(topology)
    topology.log.compact("documents")
    archive = Archive(topology, tmp_path)
    with pytest.raises(NoSuchState, match="lacks documents"):
        await put_all(topology, archive, STILL, still)
    archive.log.trim("index.changes", 0, 1)
    with pytest.raises(ChangesGone):
        await put_all(topology, archive, STILL, still)
    assert topology.log.all(CHANGES) == []


async def test_an_archive_of_another_log_is_refused(topology: Topology, tmp_path: Path) -> None:
    """Its offsets would be taken for this log's."""
    still = await past(topology)
    archive = Archive(topology, tmp_path)
    beyond = dict.fromkeys(range(topology.log.partitions), 10**6)
    with pytest.raises(NoSuchState, match="another log"):
        await put_all(topology, archive, STILL, Frozen(still.at, beyond))


async def test_a_moment_that_the_archive_has_not_come_to_is_refused(
    topology: Topology, tmp_path: Path
) -> None:
    """It says of which source that is."""
    still = await past(topology)
    archive = Archive(topology, tmp_path)
    topology.clock.advance(60 * SECOND)
    topology.put("oder.md", TEXT)
    await topology.run()
    base = replace((await in_force(topology.log)).of(IndexVersion)["v1"], complete_from=0)
    source = LogSource(archive.log)
    assert await shown_at(source, base, still.at) == {
        f"documents/{p}": offset for p, offset in still.applied.items()
    }
    with pytest.raises(NoSuchState, match="has not come to"):
        await shown_at(source, base, topology.clock())
