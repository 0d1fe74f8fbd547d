"""Any events, cut into any batches, with any crashes: the index shows what a plain reading does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import processors.parts as parts_module
from processors.assemble import Assembler
from processors.cut import cut_document
from processors.embedding import embed_key
from schemas.documents import Document
from schemas.index import IndexChange
from tests.topology.driver import Seen, Topology, View
from tests.topology.roles import Crash, die, refuse

DOCUMENTS = ["a.md", "b.md", "c.md"]
SENTENCES = [f"Sentence number {n} says that {n} is the one that counts here." for n in range(5)]
TIMES = [None, *(f"2024-05-0{day}T00:00:00Z" for day in (1, 2, 3))]
INDEXER_POINTS = ["before emit", "after emit", "before ack", "between batches"]
WRITER_POINTS = [
    "before insert",
    "before delete",
    "before progress",
    "after progress",
    "before ack",
    "between batches",
]

texts = st.lists(st.sampled_from(SENTENCES), max_size=4).map("\n\n## Part\n\n".join)
names = st.sampled_from(DOCUMENTS)
ids = st.none() | st.integers(0, 3)
batches = st.integers(1, 4)
events = st.one_of(
    st.tuples(
        st.just("put"), names, texts, ids, st.sampled_from(TIMES), st.sampled_from([None, "t"])
    ),
    st.tuples(st.just("delete"), names, ids),
    st.tuples(st.just("bad"), names),
)
moves = st.one_of(
    st.tuples(st.just("index"), batches),
    st.tuples(st.just("write"), batches),
    st.tuples(st.just("tick")),
    st.tuples(
        st.just("kill indexer"), st.sampled_from(INDEXER_POINTS), st.integers(0, 5), st.booleans()
    ),
    st.tuples(st.just("kill writer"), st.sampled_from(WRITER_POINTS)),
)
Steps = list[tuple[Any, ...]]


@dataclass
class Plain:
    """A plain reading: one event after the other, the whole text each time."""

    versions: dict[tuple[str, int], str | None] = field(default_factory=dict)
    """Document and offset to the text that stands from there on; None is a deletion."""
    final: dict[str, str | None] = field(default_factory=dict)
    _newest: dict[str, str] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def take(
        self, doc_id: str, offset: int, text: str | None, id: str | None, time: str | None
    ) -> None:
        """A valid event."""
        if id is not None and id in self._seen:
            return
        self._seen |= {id} if id is not None else set()
        if time is not None and time < self._newest.get(doc_id, ""):
            return
        self._newest[doc_id] = time or self._newest.get(doc_id, "")
        self.versions[doc_id, offset] = self.final[doc_id] = text


class Run:
    """One example: events and moves carried out, and what was seen on the way."""

    def __init__(self, path: Path) -> None:
        self.topology = Topology(path, answers=False)
        self.plain = Plain()
        self.snapshots: dict[int, View] = {}
        self.killed = False

    async def go(self, steps: Steps) -> None:
        """All of it."""
        async with self.topology:
            for name, *arguments in steps:
                await getattr(self, name.replace(" ", "_"))(*arguments)
                await self.look()
            await self.topology.run()
            await self.look()
            await self.check()

    async def put(
        self, doc_id: str, text: str, number: int | None, time: str | None, title: str | None
    ) -> None:
        """A new version."""
        id = None if number is None else f"{doc_id}-{number}"
        position = self.topology.put(doc_id, text, id=id, updated_at=time, title=title)
        self.plain.take(doc_id, position.offset, f"{title or ''}\0{text}", id, time)

    async def delete(self, doc_id: str, number: int | None) -> None:
        """A deletion."""
        id = None if number is None else f"{doc_id}-{number}"
        position = self.topology.delete(doc_id, id=id)
        self.plain.take(doc_id, position.offset, None, id, None)

    async def bad(self, doc_id: str) -> None:
        """An event that is none."""
        self.topology.raw(doc_id, b"{")

    async def index(self, records: int) -> None:
        """The indexer takes a batch."""
        await self.topology.indexer.step(records)

    async def write(self, records: int) -> None:
        """The writer takes a batch."""
        await self.topology.writer.step(records)

    async def tick(self) -> None:
        """Time passes."""
        self.topology.clock.advance(20_000_000)
        await self.topology.indexer.idle()

    async def kill_indexer(self, point: str, after: int, lose_view: bool) -> None:
        """It dies there, if it comes there."""
        log, indexer = self.topology.log, self.topology.indexer
        match point:
            case "before emit":
                log.before_append = refuse("index.changes", after=after)
            case "after emit":
                log.after_append = refuse("index.changes", after=after)
            case "before ack":
                indexer.group.before_ack = die
        await self._dying(indexer.settle)
        await indexer.crash()
        if lose_view:
            self.topology.lose_view()
        await indexer.start()
        self.killed = True

    async def kill_writer(self, point: str) -> None:
        """It dies there, if it comes there."""
        topology = self.topology
        match point:
            case "before insert":
                topology.units.before_insert = die
            case "before delete":
                topology.texts.before_delete = die
            case "before progress":
                topology.log.before_append = refuse("index.progress")
            case "after progress":
                topology.log.after_append = refuse("index.progress")
            case "before ack":
                topology.writer.group.before_ack = die
        await self._dying(topology.writer.settle)
        await topology.writer.restart()

    async def _dying(self, work: Callable[[], Any]) -> None:
        try:
            await work()
        except* Crash:
            pass
        self.topology.heal()

    async def look(self) -> None:
        """Note what a reader sees now; it must see the same at that time for ever."""
        at = self.topology.read_time()
        if at is not None:
            self.snapshots.setdefault(at, await self.topology.visible(at))
            assert await self.topology.visible(at) == self.snapshots[at]

    async def check(self) -> None:
        """Compare with the plain reading, at the end and at every time before it."""
        final = {name: text for name, text in self.plain.final.items() if text is not None}
        latest = self.topology.read_time()
        assert latest is not None
        assert await self.topology.visible(latest) == _view(self.topology, final)
        for at, seen in self.snapshots.items():
            assert await self.topology.visible(at) == seen
        shown: dict[str, str] = {}
        steps = _counting(self.topology)
        changes = sorted((parts[0] for parts in steps), key=lambda change: change.index_time)
        for number, change in enumerate(changes):
            version = self.plain.versions.get((change.doc_id, change.source.offset))
            if change.status in ("indexed", "unchanged"):
                assert version is not None
                shown[change.doc_id] = version
            elif change.status == "deleted":
                shown.pop(change.doc_id, None)
            last = number + 1 == len(changes) or changes[number + 1].index_time > change.index_time
            if last:
                seen = await self.topology.visible(change.index_time)
                assert seen == _view(self.topology, shown)
        self._once(steps)
        assert (await self.topology.verify()).total == 0

    def _once(self, steps: list[list[IndexChange]]) -> None:
        offsets = [(parts[0].source.partition, parts[0].source.offset) for parts in steps]
        assert len(offsets) == len(set(offsets)), "an event is accounted for twice"
        gained = {unit.embed_key for parts in steps for part in parts for unit in part.units_gained}
        assert sum(parts[0].units_embedded for parts in steps) == len(gained)
        texts = self.topology.embedder.texts
        assert self.killed or len(texts) == len(set(texts)) == len(gained)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.lists(events | events | moves, max_size=24), st.sampled_from([3000, 1 << 20]))
def test_the_index_shows_what_a_plain_reading_does(steps: Steps, part_bytes: int) -> None:
    """At the end and at every index time before it; no row doubled, no text embedded twice."""
    with TemporaryDirectory() as folder, patch.object(parts_module, "PART_BYTES", part_bytes):
        asyncio.run(Run(Path(folder)).go(steps))


def _counting(topology: Topology) -> list[list[IndexChange]]:
    """Every change that counts, with its parts."""
    found: list[list[IndexChange]] = []
    for partition in range(topology.log.partitions):
        assembler = Assembler()
        steps = [assembler.add(event) for event in topology.events(partition)]
        found.extend(step.parts for step in steps if step is not None and step.parts)
    return found


def _view(topology: Topology, versions: dict[str, str]) -> View:
    return {name: _passages(topology, name, version) for name, version in versions.items()}


def _passages(topology: Topology, doc_id: str, version: str) -> list[Seen]:
    title, text = version.split("\0")
    document = Document(doc_id=doc_id, text=text, content_type="text/markdown", title=title or None)
    return [
        Seen(
            passage.start,
            passage.text,
            tuple(
                (
                    u.start - passage.start,
                    u.end - passage.start,
                    embed_key(u.embed_text, "minilm-l6@1"),
                )
                for u in passage.units
            ),
        )
        for passage in cut_document(document, topology.spec).passages
    ]
