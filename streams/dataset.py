"""Labelled answers written to a folder: the rows, and where they come from.

All is written beside the folder and then renamed, so nobody reads a half of it.
"""

import os
import shutil
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from processors.feedback.dataset import (
    Examples,
    LabelledAnswer,
    Lineage,
    Place,
    jsonl,
    lineage_of,
)
from processors.feedback.join import JoinSpec
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.queries import Query
from schemas.responses import Response
from streams.clients.kafka import LogClient, Record
from streams.errors import FreshetError
from streams.labels import Spans, Watch, events, said, spans

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["jsonl", "parquet", "both"]

ROWS = "labelled_answers"
LINEAGE = "lineage.json"


class Dataset(NamedTuple):
    """Rows with their lineage."""

    rows: list[LabelledAnswer]
    lineage: Lineage


async def read(
    log: LogClient, *, since: int | None, until: int | None, now: int, watch: Watch
) -> Dataset:
    """Make the dataset from the log as it stands: answers given from `since` up to `until`."""
    spec = JoinSpec()
    examples = Examples(spec)
    topics = ("feedback", "evaluations", "queries", "responses")
    within = {topic: await spans(log, topic) for topic in topics}
    await _read_feedback(log, examples, within["feedback"], watch)
    async for record, _, evaluation in events(
        log, "evaluations", Evaluation, within["evaluations"], watch
    ):
        examples.evaluation(evaluation, _place(record))
    async for record, _, query in events(log, "queries", Query, within["queries"], watch):
        examples.query(query, _place(record))
    async for record, _, response in events(log, "responses", Response, within["responses"], watch):
        examples.response(response, _place(record))
    rows = examples.rows(since, until)
    filters = {"since_us": since, "until_us": until, "window_us": spec.window}
    outcomes = examples.outcomes()
    return Dataset(
        rows, lineage_of(rows, topics=within, filters=filters, outcomes=outcomes, now=now)
    )


def check_target(out: Path, *, force: bool) -> None:
    """Whether the dataset may be written there.

    Raises:
        FreshetError: something is there; `force` is only for what is a dataset itself.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / LINEAGE).is_file():
        raise FreshetError(f"{out} is there and is no dataset; name another --out")
    if not force:
        raise FreshetError(f"{out} is there; --force replaces it, or name another --out")


def write(dataset: Dataset, out: Path, kind: Format) -> list[str]:
    """Write rows and lineage in place of whatever is at `out`; gives the files' names."""
    made = out.with_name(f".{out.name}-{uuid4().hex}")
    made.mkdir(parents=True)
    try:
        files = dict(_contents(dataset.rows, kind))
        sums = {name: sha256(content).hexdigest() for name, content in files.items()}
        lineage = msgspec.json.encode(replace(dataset.lineage, files=sums), order="deterministic")
        files[LINEAGE] = msgspec.json.format(lineage, indent=2) + b"\n"
        for name, content in files.items():
            (made / name).write_bytes(content)
        put_in_place(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return list(files)


def put_in_place(made: Path, out: Path) -> None:
    """Give a folder that is whole the name `out`, in place of what is there."""
    if not out.exists():
        os.replace(made, out)
        return
    old = made.with_name(f"{made.name}-old")
    os.replace(out, old)
    os.replace(made, out)
    shutil.rmtree(old)


def _contents(rows: Sequence[LabelledAnswer], kind: Format) -> list[tuple[str, bytes]]:
    found = []
    if kind in ("jsonl", "both"):
        found.append((f"{ROWS}.jsonl", jsonl(rows)))
    if kind in ("parquet", "both"):
        found.append((f"{ROWS}.parquet", _parquet(rows)))
    return found


def _parquet(rows: Sequence[LabelledAnswer]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(msgspec.to_builtins(rows), schema=_columns())
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _columns() -> "pa.Schema":
    """The columns, whatever the rows: no column's type follows from what happens to be in it."""
    import pyarrow as pa

    text, number, real = pa.string(), pa.int64(), pa.float64()
    texts = pa.list_(text)
    support = pa.struct({"passage": text, "start": number, "end": number})
    claim = {"start": number, "end": number, "verdict": text, "score": real}
    score = {"name": text, "label": text, "score": real, "explanation": text, "error": text}
    spoken = {"reviewer": text, "at": text, "rating": number, "labels": texts}
    structs = {
        "claims": pa.struct({**claim, "support": pa.list_(support), "explanation": text}),
        "scores": pa.struct(score),
        "said": pa.struct({**spoken, "comment": text, "correction": text}),
        "sources": pa.struct({"topic": text, "partition": number, "offset": number}),
    }
    special = {
        **{name: pa.list_(kind) for name, kind in structs.items()},
        **{"retrieved": texts, "cited": texts, "grounded": pa.bool_()},
    }
    return pa.schema([(name, special.get(name, text)) for name in LabelledAnswer.__struct_fields__])


async def _read_feedback(log: LogClient, examples: Examples, within: Spans, watch: Watch) -> None:
    async for record, envelope, feedback in events(log, "feedback", Feedback, within, watch):
        event_id, at = said(record, envelope)
        examples.feedback(feedback, _place(record), event_id=event_id, at=at)


def _place(record: Record) -> Place:
    return Place(record.topic, record.partition, record.offset)
