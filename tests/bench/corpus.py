"""An index of a chosen size, made without the embedder: the log that an indexer would have left.

The texts are real, the vectors are random ones of length one: an exact search, an insert and a
delete cost the same whatever a vector says. The indexer and the writer recover from this log as
they do after any crash.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from processors.clock import IndexClock
from processors.indexer import SOURCE, Incoming, Indexer
from processors.parts import parts
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.documents import Document
from schemas.envelope import headers
from schemas.index import IndexChange
from schemas.topics import type_of
from streams.clients.kafka import LogClient, Position, partition_of
from tests.bench.questions import Collection


class Filled(NamedTuple):
    """What is in the log."""

    documents: list[Document]
    units: int
    last: dict[int, Position]


class Nothing:
    """The state of an indexer that has seen nothing. Implements `processors.indexer.IndexState`."""

    def manifest(self, _: str) -> None:
        """No document is known."""

    def known(self, _: Iterable[str]) -> set[str]:
        """No vector is known."""
        return set()

    def seen(self, _: str) -> bool:
        """No event was handled."""
        return False

    def applied(self, _: int) -> int:
        """Nothing was applied."""
        return -1


def documents(collection: Collection) -> Iterator[Document]:
    """A question set's documents."""
    for number, (title, text) in enumerate(collection.documents):
        yield Document(
            doc_id=f"{collection.name}/{number}", text=text, content_type="text/plain", title=title
        )


async def fill(log: LogClient, found: Iterable[Document], units: int, now: int) -> Filled:
    """Write documents and their changes until there are so many units."""
    partitions = len(await log.ends("documents"))
    indexer = Indexer(
        IndexSpec(), Nothing(), IndexClock(), lambda key: partition_of(key, partitions)
    )
    filled = Filled([], 0, {})
    random = np.random.default_rng(7)
    for document in found:
        position, changes = await _one(log, indexer, document, random, now)
        filled.documents.append(document)
        filled.last[position.partition] = position
        for change in changes:
            await _append(log, change)
        filled = filled._replace(units=filled.units + sum(len(c.units_gained) for c in changes))
        if filled.units >= units:
            break
    return filled


async def _one(
    log: LogClient,
    indexer: Indexer,
    document: Document,
    random: np.random.Generator,
    now: int,
) -> tuple[Position, Sequence[IndexChange]]:
    value = encode(document)
    name = headers(type_of(document), source="freshet/bench", time=now)
    at = await log.send("documents", document.doc_id, value, name)
    incoming = Incoming(at.partition, at.offset, document.doc_id.encode(), value, name)
    plan = indexer.plan([incoming], now)
    rows = random.standard_normal((len(plan.needed), 384)).astype("<f4")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = {key: row.tobytes() for key, row in zip(sorted(plan.needed), rows, strict=True)}
    return at, [part for draft in plan.drafts for part in parts(draft, vectors)]


async def _append(log: LogClient, change: IndexChange) -> None:
    name = headers(type_of(change), source=SOURCE, time=change.index_time)
    await log.send("index.changes", change.doc_id, encode(change), name, change.source.partition)
