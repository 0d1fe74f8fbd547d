"""`freshet verify`: the index beside what the log says it should hold."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from msgspec import json

from processors.assemble import Assembled, Assembler
from processors.documents import document_of
from processors.indexer import Incoming
from processors.readtime import Progress
from processors.rows import TableName
from processors.verify.documents import ManifestFold, PlainReading, compare_units
from processors.verify.report import Report
from processors.verify.rows import ExpectedRows, Row, compare_rows
from processors.version import IndexSpec
from schemas.envelope import Envelope
from schemas.index import IndexEvent, IndexProgress
from streams.clients.kafka import LogClient, Record, partition_of
from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.documents import Document
    from streams.clients.milvus import MilvusIndex

Say = Callable[[str], None]


class NothingToVerify(FreshetError):
    """The index has no state at that time."""


async def verify(
    log: LogClient,
    rows: AsyncIterator[Row],
    spec: IndexSpec,
    *,
    as_of: int | None,
    horizon: int,
    say: Say,
) -> Report:
    """Compare the three: `documents`, `index.changes` and the rows of the index.

    Raises:
        NothingToVerify: nothing was indexed yet, or `as_of` is later than what is.
    """
    at = await _read_time(log, spec, as_of)
    say("reading index.changes")
    folded, expected = ManifestFold(at), ExpectedRows(spec.lexical)
    async for partition, step in _steps(log, spec):
        if step.index_time <= at:
            folded.add(partition, step)
            expected.add(step)
    report = Report(as_of=at, rows=len(expected.rows))
    report.note(expected.faults)
    say("reading documents")
    reading = await _reading(log, folded)
    report.note(reading.compare())
    report.events = reading.events
    say("cutting every document anew")
    async for document in _standing(log, reading):
        report.documents += 1
        report.note(compare_units(document, folded.manifests.get(document.doc_id), spec))
    say("reading the index")
    found = [row async for row in rows]
    report.note(compare_rows(expected.rows, found, at=at, horizon=horizon))
    return report


async def rows_of(index: "MilvusIndex") -> AsyncIterator[Row]:
    """Every row that the index holds, readable or not."""
    tables: tuple[TableName, ...] = ("units", "texts")
    for table in tables:
        async for record in index.rows(table):
            yield Row.of(record)


async def _read_time(log: LogClient, spec: IndexSpec, as_of: int | None) -> int:
    progress = Progress(spec.name, len(await log.ends("index.changes")))
    async for record in log.read("index.progress"):
        if record.value is not None:
            progress.observe(_progress(record.value))
    latest = progress.read_time()
    if latest is None:
        raise NothingToVerify("the index has applied nothing yet; see `freshet status`")
    if as_of is not None and as_of > latest:
        raise NothingToVerify(f"the index has only come to {latest}, not to {as_of}")
    return latest if as_of is None else as_of


async def _steps(log: LogClient, spec: IndexSpec) -> AsyncIterator[tuple[int, Assembled]]:
    assemblers: dict[int, Assembler] = {}
    async for record in log.read("index.changes"):
        event = _event(record.value or b"")
        if event.index_version == spec.name:
            assembler = assemblers.setdefault(record.partition, Assembler())
            if (step := assembler.add(event)) is not None:
                yield record.partition, step


async def _reading(log: LogClient, folded: ManifestFold) -> PlainReading:
    partitions = len(await log.ends("documents"))
    reading = PlainReading(folded, lambda key: partition_of(key, partitions))
    async for record in log.read("documents"):
        reading.add(_incoming(record))
    return reading


async def _standing(log: LogClient, reading: PlainReading) -> AsyncIterator["Document"]:
    """The texts that count, read again rather than kept: they may be more than memory holds."""
    standing = reading.standing()
    async for record in log.read("documents"):
        doc_id = standing.get((record.partition, record.offset))
        if doc_id is not None:
            envelope = Envelope.from_headers(record.headers)
            document = document_of(doc_id, record.value, envelope)
            if document is not None:
                yield document


def _incoming(record: Record) -> Incoming:
    return Incoming(record.partition, record.offset, record.key, record.value, record.headers)


_event = json.Decoder(IndexEvent).decode
_progress = json.Decoder(IndexProgress).decode
