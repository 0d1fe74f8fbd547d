"""`freshet verify`: index, evaluations, alarms and the token ledger beside what the log says."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from msgspec import json

from processors.documents import document_of
from processors.indexer import Incoming
from processors.judge.place import JUDGE
from processors.readtime import Progress
from processors.rows import TableName
from processors.verify.documents import ManifestFold, PlainReading, compare_units
from processors.verify.evaluations import (
    PartitionOfEvaluations,
    PassageLengths,
    Span,
    told_once,
)
from processors.verify.report import Report
from processors.verify.rows import ExpectedRows, Row, compare_rows
from processors.version import IndexSpec
from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.evaluations import Evaluation
from schemas.index import IndexProgress
from schemas.responses import Response
from schemas.topics import changes_topic, index_topics
from streams.clients.kafka import LogClient, MissingTopic, Record, partition_of
from streams.errors import FreshetError
from streams.verify_usage import note_usage
from streams.versions.steps import steps

if TYPE_CHECKING:
    from schemas.documents import Document
    from streams.clients.milvus import MilvusIndex

Say = Callable[[str], None]


class Answers(NamedTuple):
    """What there is to know of answers before the log is read."""

    judged: Mapping[int, int]
    """How far the judge has committed each partition of `responses`."""
    index_versions: tuple[str, ...]
    """Whose passages answers may rest on."""


class NothingToVerify(FreshetError):
    """The index has no state at that time."""


async def verify(
    log: LogClient,
    rows: AsyncIterator[Row],
    spec: IndexSpec,
    *,
    as_of: int | None,
    horizon: int,
    now: int,
    say: Say,
    answers: Answers | None = None,
) -> Report:
    """Compare `documents`, `index.changes` and the rows of the index; what watches answers; and
    what they were charged.

    Raises:
        NothingToVerify: nothing was indexed yet, or `as_of` is later than what is.
    """
    report = await verify_index(log, rows, spec, as_of=as_of, horizon=horizon, say=say)
    say("reading evaluations")
    lengths = PassageLengths()
    answers = answers or Answers({}, (spec.name,))
    for version in answers.index_versions:
        with suppress(MissingTopic):  # nobody has begun to build it
            async for _, step in steps(log, version):
                lengths.add(step)
    await _note_evaluations(log, report, lengths, answers.judged)
    for topic in ("drift", "alerts"):
        report.note(told_once(topic, await _names(log, topic)))
    say("reading usage")
    await note_usage(log, report, now)
    return report


async def verify_index(
    log: LogClient,
    rows: AsyncIterator[Row],
    spec: IndexSpec,
    *,
    as_of: int | None,
    horizon: int,
    say: Say,
) -> Report:
    """Compare `documents`, `index.changes` and the rows of one index version.

    Raises:
        NothingToVerify: nothing was indexed yet, or `as_of` is later than what is.
    """
    at = await _read_time(log, spec.name, as_of)
    say(f"reading {changes_topic(spec.name)}")
    folded, expected = ManifestFold(at), ExpectedRows(spec.lexical)
    async for partition, step in steps(log, spec.name):
        if step.index_time <= at:
            folded.add(partition, step)
            expected.add(step)
    report = Report(as_of=at, index_version=spec.name, rows=len(expected.rows))
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


async def _read_time(log: LogClient, version: str, as_of: int | None) -> int:
    changes, reports = index_topics(version)
    progress = Progress(version, len(await log.ends(changes.name)))
    async for record in log.read(reports.name):
        if record.value is not None:
            progress.observe(_progress(record.value))
    latest = progress.read_time()
    if latest is None:
        raise NothingToVerify(f"{version} has applied nothing yet; see `freshet status`")
    if as_of is not None and as_of > latest:
        raise NothingToVerify(f"{version} has only come to {latest}, not to {as_of}")
    return latest if as_of is None else as_of


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


async def _note_evaluations(
    log: LogClient, report: Report, lengths: PassageLengths, judged: Mapping[int, int]
) -> None:
    """One partition after the other: so only the answers of one are in memory."""
    spans = await _spans(log, "responses")
    held = await _spans(log, "evaluations")
    for partition, span in spans.items():
        done = judged.get(partition, 0) - 1
        found = PartitionOfEvaluations(partition, span, held[partition], done, lengths)
        async for record in log.read("responses", partitions=[partition]):
            response = _decoded(record)
            if isinstance(response, Response) and record.offset < span.end:
                found.add_response(record.offset, response)
        async for record in log.read("evaluations", partitions=[partition]):
            source, name = _name_of(record)
            if source == JUDGE:
                report.evaluations += 1
                evaluation = _decoded(record)
                found.add_evaluation(
                    record.offset, name, evaluation if isinstance(evaluation, Evaluation) else None
                )
        report.note(found.compare())
        report.waiting += found.waiting


async def _spans(log: LogClient, topic: str) -> dict[int, Span]:
    ends = await log.ends(topic)
    return {at: Span(first, ends[at]) for at, first in (await log.starts(topic)).items()}


async def _names(log: LogClient, topic: str) -> Counter[str]:
    """How often each event is there; one without an id of its own is no other's double."""
    found = [_name_of(record) async for record in log.read(topic)]
    return Counter(f"{source} {name}" for source, name in found if name)


def _name_of(record: Record) -> tuple[str, str]:
    """The CloudEvent's source and id, empty where it has none."""
    named = dict(record.headers)
    source, name = (named.get(each, b"") for each in ("ce_source", "ce_id"))
    return source.decode(errors="replace"), name.decode(errors="replace")


def _decoded(record: Record) -> object:
    try:
        return decode(record.topic, record.value or b"", Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None


def _incoming(record: Record) -> Incoming:
    return Incoming(record.partition, record.offset, record.key, record.value, record.headers)


_progress = json.Decoder(IndexProgress).decode
