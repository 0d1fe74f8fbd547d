"""Hybrid search at one index time: candidates from both sides, fused, then read whole."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from processors.index import Access, DocumentRow, PassageRow
from processors.lexical import query_vector
from processors.ports import IndexReader
from processors.retrieve import RankedPassage, fuse
from processors.version import IndexSpec


class Retrieved(Struct, frozen=True):
    """A passage that was found, with its document's row at the same index time."""

    rank: RankedPassage
    passage: PassageRow
    document: DocumentRow

    @property
    def name(self) -> str:
        """`passage_id@version`, as receipts have it."""
        return f"{self.passage.passage_id}@{self.passage.version}"

    @property
    def start(self) -> int:
        """Where the passage begins in its document's text."""
        return self.document.layout[self.passage.passage_id][0]


async def search(
    index: IndexReader,
    spec: IndexSpec,
    *,
    vector: NDArray[np.float32],
    weights: Mapping[str, float],
    at: int,
    access: Access,
    top_k: int,
) -> list[Retrieved]:
    """The `top_k` passages for a question, best first, as the index was `at` an index time.

    `vector` is float32 [dimensions], `weights` the question's terms with their inverse document
    frequencies. Equal arguments give equal results for as long as the horizon reaches back.
    """
    by_meaning = index.search_units(vector, at, access, spec.fusion.units)
    sparse = query_vector(weights)
    if sparse:
        by_words = index.search_passages(sparse, at, access, spec.fusion.passages)
        units, passages = await asyncio.gather(by_meaning, by_words)
    else:
        units, passages = await by_meaning, []
    ranked = fuse(units, passages, spec.fusion)[:top_k]
    return await _read(index, ranked, at, access)


async def _read(
    index: IndexReader, ranked: Sequence[RankedPassage], at: int, access: Access
) -> list[Retrieved]:
    rows = await index.passages([rank.passage_id for rank in ranked], at, access)
    documents = await index.documents(list({row.doc_id for row in rows.values()}), at)
    found = ((rank, rows[rank.passage_id]) for rank in ranked)
    return [Retrieved(rank, row, documents[row.doc_id]) for rank, row in found]
