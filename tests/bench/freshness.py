"""How soon an edit can be found: from produce to the first read that shows it.

20,000 units are in the index; one paragraph of a document is replaced ten times a second. An edit
is searchable when a read made now would be made at or after its index time: when the progress
of every partition has reached it. That those reads do show it is asked of the index afterwards,
as of exactly that time, for every edit.

The parts are read from the log: when a change was planned is its index time, when it was written
and when its progress was written are the records' own times (to the millisecond). Beside them
stand the floors: a bare round trip through Kafka, the same texts through Triton alone, the same
number of rows inserted into and deleted from Milvus alone, one at a time on the same stack.

    python -m tests.bench.freshness --data DIR      (or FRESHET_DATA=DIR)
"""

import asyncio
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from processors.cut import cut_document
from processors.readtime import Progress
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.documents import Document
from schemas.envelope import headers
from schemas.index import IndexChange
from schemas.topics import type_of
from streams.clients.kafka import Log, Position
from streams.clients.milvus import MilvusIndex
from streams.clients.triton import TritonEmbedder
from streams.writes import ShownFrom
from tests.bench import corpus, logs
from tests.bench.questions import timeqa
from tests.bench.report import Line, Measured, Options, main, spread
from tests.bench.stack import INDEXING, Bench, bench, cpu_seconds

UNITS = 20_000
PER_SECOND = 10
EDITS = 600
WARM_UP = 50
TARGET_MS = {"p50": 120.0, "p99": 400.0}
_PROBES = 200
_CAUGHT_UP_S = 240.0


class Edit(Struct):
    """One edit: when it was sent, where it landed, what became of it. Microseconds."""

    doc_id: str
    sent: int
    position: Position | None = None
    acknowledged: int = 0
    index_time: int = 0
    emitted: int = 0
    published: int = 0
    """When the progress that includes it was written."""
    shown: int = 0
    """When a reader knew that every partition had come so far."""
    read_time: int = 0
    """The index time of a read made then."""
    units: int = 0

    @property
    def parts(self) -> dict[str, float]:
        """Milliseconds of each stage; they add up to the whole."""
        times = (
            self.sent,
            self.acknowledged,
            self.index_time,
            self.emitted,
            self.published,
            self.shown,
        )
        names = (
            "produced and acknowledged",
            "received by the indexer",
            "planned, embedded and emitted",
            "received and written by the writer",
            "every partition's progress received",
        )
        steps = zip(names, times, times[1:], strict=False)
        return {name: (after - before) / 1000 for name, before, after in steps}

    @property
    def total(self) -> float:
        """Milliseconds from produce to searchable."""
        return (self.shown - self.sent) / 1000


class Watch:
    """Follows the progress, as a reader does, and notes when each edit can be read."""

    def __init__(self, log: Log, progress: Progress) -> None:
        self._log = log
        self._progress = progress
        self._waiting: dict[int, list[Edit]] = defaultdict(list)
        self.left = 0

    def expect(self, edit: Edit) -> None:
        """An edit that has landed."""
        assert edit.position is not None
        self._waiting[edit.position.partition].append(edit)
        self.left += 1

    async def run(self, start: dict[int, int]) -> None:
        """For ever."""
        async for record in self._log.follow(["index.progress"], start={"index.progress": start}):
            if record.value is not None:
                self._progress.observe(logs.progress(record.value))
                self._note(_now())

    def _note(self, now: int) -> None:
        at = self._progress.read_time() or 0
        for partition, edits in self._waiting.items():
            for edit in list(edits):
                assert edit.position is not None
                time_ = edit.index_time or self._progress.shown_at(partition, edit.position.offset)
                # The exact index time is known from the log afterwards; the progress that first
                # includes the edit is at or after it, and is the same one unless a batch had more.
                if time_ is not None:
                    edit.index_time = time_
                    if at >= time_:
                        edit.shown, edit.read_time = now, at
                        edits.remove(edit)
                        self.left -= 1


def measure(options: Options) -> Measured:
    """The stack up, the index filled, edits sent."""
    collection = timeqa(options.folder("retrieval"))
    with bench() as running:
        return asyncio.run(_measure(running, list(corpus.documents(collection))))


async def _measure(running: Bench, found: Sequence[Document]) -> Measured:
    settings = running.settings
    async with Log(settings.kafka) as log:
        shown = await ShownFrom.at_now(log, settings.index_version)
        filled = await corpus.fill(log, found, UNITS, _now())
        _say(f"{filled.units} units in the log")
        started = time.monotonic()
        await asyncio.to_thread(running.work, INDEXING)
        await shown.wait(list(filled.last.values()), _CAUGHT_UP_S)
        _say(f"shown {time.monotonic() - started:.0f} s after the workers' start")
        spare = found[len(filled.documents) :]
        edited = list(islice(_edits(filled.documents, spare), WARM_UP + EDITS))
        await _send(log, settings.index_version, edited[:WARM_UP])
        before = {role: running.scrape(role) for role in INDEXING}
        cpu = cpu_seconds(running)
        edits, starts = await _send(log, settings.index_version, edited[WARM_UP:])
        after = {role: running.scrape(role) for role in INDEXING}
        used = {
            name: round(seconds - cpu[name], 1) for name, seconds in cpu_seconds(running).items()
        }
        await _from_log(log, edits, starts)
        wrong = await _not_shown(settings, edits)
        embedded = await _texts(log, starts, [document for document, _ in edited[WARM_UP:]])
        floors = await _floors(running, log, embedded)
    return _report(edits, wrong, floors, _stages(before, after), used, filled.units)


def _edits(
    documents: Sequence[Document], spare: Sequence[Document]
) -> Iterator[tuple[Document, str]]:
    """Documents with one paragraph replaced by one that nobody has seen, one after the other."""
    chance = random.Random(7)
    paragraphs = (p for d in spare for p in d.text.split("\n\n") if 300 <= len(p) <= 900)
    now = {document.doc_id: document for document in documents}
    names = sorted(now)
    for paragraph in paragraphs:
        document = now[chance.choice(names)]
        texts = document.text.split("\n\n")
        texts[chance.randrange(1, len(texts))] = paragraph
        changed = msgspec.structs.replace(document, text="\n\n".join(texts))
        now[document.doc_id] = changed
        yield changed, paragraph


async def _send(
    log: Log, version: str, documents: Sequence[tuple[Document, str]]
) -> tuple[list[Edit], dict[str, dict[int, int]]]:
    """Send edits at their pace, and wait until all are shown."""
    topics = ("index.changes", "index.progress")
    starts = {topic: await log.ends(topic) for topic in topics}
    progress = Progress(version, len(starts["index.changes"]))
    async for record in log.read("index.progress"):
        if record.value is not None:
            progress.observe(logs.progress(record.value))
    watch = Watch(log, progress)
    follower = asyncio.create_task(watch.run(starts["index.progress"]))
    edits: list[Edit] = []
    sending: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    first = loop.time() + 1.0
    for number, (document, _) in enumerate(documents):
        await asyncio.sleep(max(0.0, first + number / PER_SECOND - loop.time()))
        edit = Edit(document.doc_id, _now())
        edits.append(edit)
        sending.append(asyncio.create_task(_produce(log, document, edit, watch)))
    await asyncio.gather(*sending)
    async with asyncio.timeout(60):
        while watch.left:
            await asyncio.sleep(0.05)
            if follower.done():
                follower.result()
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
    return edits, starts


async def _produce(log: Log, document: Document, edit: Edit, watch: Watch) -> None:
    name = headers(type_of(document), source="freshet/bench", time=edit.sent)
    edit.position = await log.send("documents", document.doc_id, encode(document), name)
    edit.acknowledged = _now()
    watch.expect(edit)


async def _from_log(log: Log, edits: Sequence[Edit], starts: dict[str, dict[int, int]]) -> None:
    """What the log knows of each edit."""
    by_source = {(e.position.partition, e.position.offset): e for e in edits if e.position}
    by_change: dict[int, list[tuple[int, Edit]]] = defaultdict(list)
    async for record in log.read("index.changes", start=starts["index.changes"]):
        event = logs.event(record.value or b"")
        if not isinstance(event, IndexChange):
            continue
        edit = by_source.get((event.source.partition, event.source.offset))
        if edit is not None:
            edit.index_time = event.index_time
            edit.emitted = record.timestamp_ms * 1000
            edit.units = event.units_embedded
            by_change[record.partition].append((record.offset, edit))
    async for record in log.read("index.progress", start=starts["index.progress"]):
        progress = logs.progress(record.value or b"")
        for offset, edit in by_change[progress.partition]:
            if not edit.published and progress.changes_offset >= offset:
                edit.published = record.timestamp_ms * 1000


async def _not_shown(settings: Any, edits: Sequence[Edit]) -> int:
    """How many edits a read at the time when they were called searchable does not show."""
    index = MilvusIndex(settings.milvus, settings.index_version)
    wrong = 0
    for edit in edits:
        row = (await index.documents([edit.doc_id], edit.read_time)).get(edit.doc_id)
        position = edit.position
        wrong += row is None or position is None or row.offset < position.offset
    await index.close()
    return wrong


async def _texts(
    log: Log, starts: dict[str, dict[int, int]], documents: Sequence[Document]
) -> list[list[str]]:
    """What each edit sent to the embedder, found again by the changes' embed keys."""
    from processors.embedding import embed_key

    spec = IndexSpec()
    texts = {
        embed_key(unit.embed_text, spec.embedder): unit.embed_text
        for document in documents
        for unit in cut_document(document, spec).units
    }
    made: list[list[str]] = []
    async for record in log.read("index.changes", start=starts["index.changes"]):
        event = logs.event(record.value or b"")
        if isinstance(event, IndexChange) and event.units_gained:
            made.append([texts[unit.embed_key] for unit in event.units_gained])
    return made


async def _floors(
    running: Bench, log: Log, texts: Sequence[Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Each part alone, on the same stack with nobody else at work."""
    settings = running.settings
    embedder = TritonEmbedder.of(settings.triton, IndexSpec())
    embed = [await _timed(embedder.embed(some)) for some in texts[:_PROBES]]
    await embedder.close()
    return {
        "kafka, one way": spread(await _one_way(log)),
        "embed": spread(embed),
        **await _milvus_floor(running, [len(some) for some in texts[:_PROBES]]),
    }


async def _one_way(log: Log) -> list[float]:
    """Produce to received, at the pace of the edits."""
    sent: dict[bytes, float] = {}
    taken: list[float] = []

    async def receive() -> None:
        start = {"response.deltas": await log.ends("response.deltas")}
        ready.set()
        async for record in log.follow(["response.deltas"], start=start):
            taken.append((time.perf_counter() - sent[record.value or b""]) * 1000)

    ready = asyncio.Event()
    receiver = asyncio.create_task(receive())
    await ready.wait()
    await asyncio.sleep(1.0)
    for number in range(_PROBES):
        value = b"%d" % number
        sent[value] = time.perf_counter()
        await log.send("response.deltas", value, value)
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    receiver.cancel()
    await asyncio.gather(receiver, return_exceptions=True)
    return taken


async def _milvus_floor(running: Bench, sizes: Sequence[int]) -> dict[str, dict[str, float]]:
    """Insert as many rows as an edit gains, delete them again: bare calls, same collections."""
    from processors.index import OPEN
    from processors.rows import Record
    from streams.clients.milvus import collection_names
    from streams.index.connection import Connection
    from streams.index.milvustable import MilvusTable

    settings = running.settings
    connection = Connection(settings.milvus)
    name, _ = collection_names(settings.milvus, settings.index_version)
    table = MilvusTable(connection, name, "u", dense=True, dense_index=settings.milvus.dense_index)
    vector = np.full(384, 384**-0.5, "<f4").tobytes()
    inserts, deletes = [], []
    for number, size in enumerate(sizes):
        rows = [
            Record(
                key=f"u{number:016x}{row:016x}",
                id="probe",
                owner="probe",
                valid_from=1,
                valid_to=OPEN,
                acl=["*"],
                tags=[],
                body="",
                vector=vector,
            )
            for row in range(size)
        ]
        inserts.append(await _timed(table.insert(rows)))
        deletes.append(await _timed(table.delete([row.pk for row in rows])))
    await connection.close()
    return {"milvus insert": spread(inserts), "milvus delete": spread(deletes)}


def _report(
    edits: Sequence[Edit],
    wrong: int,
    floors: dict[str, dict[str, float]],
    stages: dict[str, float],
    cpu: dict[str, float],
    units: int,
) -> Measured:
    whole = spread([edit.total for edit in edits])
    lines = [
        Line(
            what=f"produce to searchable, {name}",
            figure=f"{whole[name]:.0f} ms",
            target=f"at most {limit:.0f} ms",
            met=whole[name] <= limit,
        )
        for name, limit in TARGET_MS.items()
    ]
    lines.append(
        Line(
            what="edits that a read at that time did not show",
            figure=str(wrong),
            target="0",
            met=not wrong,
        )
    )
    columns: dict[str, list[float]] = defaultdict(list)
    for edit in edits:
        for name, value in edit.parts.items():
            columns[name].append(value)
    parts = {name: spread(values) for name, values in columns.items()}
    for name, figures in [*parts.items(), *((f"floor: {n}", f) for n, f in floors.items())]:
        lines.append(Line(what=name, figure=f"{figures['p50']:.0f} / {figures['p99']:.0f} ms"))
    return lines, {
        "units": units,
        "edits": len(edits),
        "per_second": PER_SECOND,
        "units_embedded": sum(edit.units for edit in edits),
        "total_ms": whole,
        "parts_ms": parts,
        "floors_ms": floors,
        "stages_mean_ms": stages,
        "cpu_s": cpu,
    }


def _stages(
    before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]
) -> dict[str, float]:
    """Means of the workers' own histograms over the measured time."""
    found = {}
    for role, metrics in after.items():
        for name, total in metrics.items():
            if "_seconds_sum" not in name or not name.startswith("freshet_"):
                continue
            count = name.replace("_seconds_sum", "_seconds_count")
            calls = metrics[count] - before[role].get(count, 0.0)
            if calls:
                mean = (total - before[role].get(name, 0.0)) / calls
                found[name.replace("_seconds_sum", "")] = round(mean * 1000, 2)
    return found


async def _timed(call: Any) -> float:
    started = time.perf_counter()
    await call
    return (time.perf_counter() - started) * 1000


def _now() -> int:
    return time.time_ns() // 1000


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main("freshness", measure))
