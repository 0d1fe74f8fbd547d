"""Answers of a variant as rows to fine-tune a model with: messages, and where they come from.

The user's message is the built-in prompt over the passages that the variant's prompt had; what a
passage's heading was is not kept, so its document's id stands there.
"""

import shutil
from collections.abc import Iterator, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import uuid4

import msgspec
from msgspec import Struct

from processors.builtin import built_in
from processors.evaluation.gold import ANSWERED, UNANSWERABLE
from processors.evaluation.pairs import Measured
from processors.prompt import PASSAGES, QUESTION, PromptPassage, render
from processors.prompt import UNANSWERABLE as REFUSAL
from schemas.control import PromptVersion
from streams.dataset import LINEAGE, put_in_place
from streams.replay.runfiles import digest_of, plain, read_run
from streams.replay.sides import Side

Format = Literal["jsonl", "parquet"]

SCHEMA = "freshet.chat-examples@1"
ROWS = "chat_examples"
_JSON = msgspec.json.Encoder(order="deterministic")
_PROMPT = next(one for one in built_in("reader") if isinstance(one, PromptVersion))


class Message(Struct, frozen=True):
    """One turn."""

    role: Literal["user", "assistant"]
    content: str


class Example(Struct, frozen=True, kw_only=True):
    """One row."""

    messages: list[Message]
    query_id: str
    tenant: str
    asked_at: int
    """Microseconds since the epoch."""
    basis: Literal["gold", "answer"]
    """Where the assistant's message is from: a gold question, or the variant's own answer."""
    groundedness: float | None
    passages: list[str]
    """`passage_id@version`, in the order of the prompt."""
    prompt: str | None
    model: str | None
    index_version: str | None


class Dropped(NamedTuple):
    """Questions that there is no row of, by why."""

    failed: int
    below: int
    """Answers that are less grounded than asked for, or were not judged."""


def examples(
    measured: Sequence[Measured], least_groundedness: float | None
) -> tuple[list[Example], Dropped]:
    """A row for each question with a right answer or a good one, by time and id.

    A gold answer needs no judge.
    """
    rows, failed, below = [], 0, 0
    for side in sorted(measured, key=lambda one: (one.outcome.asked_at, one.outcome.query_id)):
        told = _told(side)
        if told is None:
            failed += 1
            continue
        grounded = side.figures.get("groundedness")
        text, basis = told
        if least_groundedness is not None and basis == "answer":
            unsure = grounded is None or grounded < least_groundedness
            if unsure and side.outcome.response.status == ANSWERED:
                below += 1
                continue
        rows.append(_example(side, text, basis))
    return rows, Dropped(failed, below)


def write(
    rows: Sequence[Example], out: Path, kind: Format, side: Side, said: dict[str, object]
) -> list[str]:
    """Write rows and their lineage in place of whatever is at `out`; gives the files' names."""
    made = out.with_name(f".{out.name}-{uuid4().hex}")
    made.mkdir(parents=True)
    name = f"{ROWS}.{kind}"
    body = b"".join(_JSON.encode(row) + b"\n" for row in rows)
    content = body if kind == "jsonl" else _parquet(rows)
    described = read_run(side.run)
    lineage = {
        "schema": SCHEMA,
        "variant": side.variant,
        "run": described,
        "run_digest": digest_of(plain(described)),
        "rows": len(rows),
        "content_sha256": sha256(body).hexdigest(),
        "files": {name: sha256(content).hexdigest()},
        **said,
    }
    try:
        (made / name).write_bytes(content)
        (made / LINEAGE).write_bytes(plain(lineage))
        put_in_place(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return [name, LINEAGE]


def _told(side: Measured) -> tuple[str, Literal["gold", "answer"]] | None:
    gold, outcome = side.gold, side.outcome
    if outcome.unreplayed is not None or not outcome.passages:
        return None
    if gold is not None and gold.label == UNANSWERABLE:
        return REFUSAL, "gold"
    if gold is not None and gold.answers:
        return gold.answers[0], "gold"
    status = outcome.response.status
    if status == ANSWERED:
        return outcome.response.answer, "answer"
    return (REFUSAL, "answer") if status == UNANSWERABLE else None


def _example(side: Measured, text: str, basis: Literal["gold", "answer"]) -> Example:
    outcome, receipt = side.outcome, side.outcome.response.receipt
    return Example(
        messages=[Message("user", "".join(_asked(side))), Message("assistant", text)],
        query_id=outcome.query_id,
        tenant=outcome.tenant,
        asked_at=outcome.asked_at,
        basis=basis,
        groundedness=side.figures.get("groundedness"),
        passages=[one.name for one in outcome.passages],
        prompt=receipt.prompt if receipt else None,
        model=receipt.model if receipt else None,
        index_version=receipt.index_version if receipt else None,
    )


def _asked(side: Measured) -> Iterator[str]:
    outcome = side.outcome
    passages = [
        PromptPassage(number, one.doc_id, "", one.text)
        for number, one in enumerate(outcome.passages, start=1)
    ]
    yield render(_PROMPT, {QUESTION: outcome.question, PASSAGES: ""}, passages)


def _parquet(rows: Sequence[Example]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.string()
    special = {
        "messages": pa.list_(pa.struct({"role": text, "content": text})),
        "asked_at": pa.int64(),
        "groundedness": pa.float64(),
        "passages": pa.list_(text),
    }
    columns = [(name, special.get(name, text)) for name in Example.__struct_fields__]
    table = pa.Table.from_pylist(msgspec.to_builtins(rows), schema=pa.schema(columns))
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
