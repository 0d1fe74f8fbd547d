"""Another index version beside the first of a topology, with workers and tables of its own."""

from typing import Any

from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.indexversions import active, moved
from processors.readtime import Frozen, Progress
from processors.verify.report import Report
from processors.version import IndexSpec
from schemas.codec import decode_as, encode
from schemas.control import ControlEvent, IndexVersion, Route, key_of
from schemas.envelope import headers
from schemas.index import IndexChange, IndexEvent, IndexProgress
from schemas.topics import changes_topic, progress_topic, type_of
from streams.control import read_control
from streams.index.rowindex import RowIndex
from streams.verify import rows_of, verify_index
from streams.workers.indexer import IndexerHandler
from streams.workers.writer import WriterHandler
from tests.doubles.log import MemoryLog
from tests.topology.driver import BrittleTable, Topology
from tests.topology.roles import SECOND, Group, Role, turns

BASE = built_in("scripted")


class Version:
    """Its indexer and writer, not started yet."""

    def __init__(self, topology: Topology, spec: IndexSpec, frozen: Frozen | None = None) -> None:
        self.topology = topology
        self.frozen = frozen
        self.spec = spec
        self.units, self.texts = BrittleTable(), BrittleTable()
        self.index = RowIndex(self.units, self.texts, spec.lexical)
        topology.indexes[spec.name] = self.index
        partitions = topology.log.partitions
        self.indexer = Role(self._indexer, Group(topology.log, "documents"), partitions)
        writer_of = Group(topology.log, changes_topic(spec.name))
        self.writer = Role(self._writer, writer_of, partitions)

    async def start(self) -> None:
        """As the supervisor does once `control` has named it."""
        await self.indexer.start()
        await self.writer.start()
        topology = self.topology
        topology.roles = [*topology.roles, self.indexer, self.writer]

    async def catch_up(self) -> None:
        """Let it come to the end of the log, and the index time pass it."""
        await self.indexer.drain()
        self.topology.clock.advance(20 * SECOND)
        await self.indexer.idle()
        await self.writer.drain()

    async def build(self) -> int:
        """From its announcement to its being whole; gives the index time from which it is."""
        await announce(self.topology.log, self.spec, self.frozen)
        await self.start()
        await self.catch_up()
        whole = self.read_time()
        assert whole is not None
        await change(self.topology.log, self.spec.name, state="serving", complete_from=whole)
        return whole

    def changes(self) -> list[IndexChange]:
        """Every change in its log."""
        found = (
            decode_as(IndexEvent, record.value or b"")  # type: ignore[type-var]
            for record in self.topology.log.all(changes_topic(self.spec.name))
        )
        return [event for event in found if isinstance(event, IndexChange)]

    def passages(self) -> set[str]:
        """`passage@version` of every passage that it ever had."""
        return {
            f"{gained.passage_id}@{change.index_time}"
            for change in self.changes()
            for gained in change.passages_gained
        }

    def read_time(self) -> int | None:
        """The latest index time that it can be read at."""
        progress = Progress(self.spec.name, self.topology.log.partitions)
        for record in self.topology.log.all(progress_topic(self.spec.name)):
            progress.observe(decode_as(IndexProgress, record.value or b""))
        return progress.read_time()

    async def verify(self) -> Report:
        """What `freshet verify` says of it."""
        rows: Any = rows_of(self.index)  # type: ignore[arg-type]
        return await verify_index(
            self.topology.log, rows, self.spec, as_of=None, horizon=0, say=lambda _: None
        )

    def _indexer(self) -> IndexerHandler:
        topology = self.topology
        return IndexerHandler(
            topology.settings,
            topology.log,
            topology.embedder,
            self.spec,
            topology.control(),
            topology.clock,
            self.frozen,
        )

    def _writer(self) -> WriterHandler:
        topology = self.topology
        return WriterHandler(
            topology.settings, topology.log, self.index, self.spec.name, topology.clock
        )


async def say(log: MemoryLog, event: ControlEvent) -> None:
    """Put a change into `control`, and let everybody hear it."""
    name = headers(type_of(event), source="test", time=event.at)
    log.append("control", key_of(event), encode(event), name)
    await turns()


async def announce(log: MemoryLog, spec: IndexSpec, frozen: Frozen | None = None) -> None:
    """Say that a version is to be built; and where it is to stand still, if it is."""
    import msgspec

    fields = {**msgspec.to_builtins(spec), "revision": 1, "by": "test", "why": "a test", "at": 1}
    if frozen is not None:
        applied = {f"documents/{p}": offset for p, offset in frozen.applied.items()}
        fields |= {"as_of": frozen.at, "applied": applied}
    version = msgspec.convert({"kind": "index", "state": "building", **fields}, IndexVersion)
    await say(log, version)


async def change(log: MemoryLog, name: str, **fields: Any) -> None:
    """Change a version's state."""
    control = await in_force(log)
    version = control.of(IndexVersion)[name]
    revision = control.revision(key_of(version)) + 1
    await say(log, replace(version, revision=revision, **fields))


async def switch(log: MemoryLog, new: str) -> None:
    """Let the default route answer from another version."""
    control = await in_force(log)
    route = control.of(Route)["default"]
    (old,) = {branch.index_version for branch in route.branches}
    revision = control.revision(key_of(route)) + 1
    await say(log, replace(moved(route, old, new), revision=revision))
    assert new in active(control)


async def in_force(log: MemoryLog) -> Control:
    """What is in force."""
    return await read_control(log, BASE)
