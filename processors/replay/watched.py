"""What passes between an answerer and its index and reader, overheard: an outcome tells of it."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from processors.index import Access, DocumentRow, PassageRow
from processors.ports import NONE, Generation, IndexReader, Reader
from processors.replay.outcome import FoundPassage
from processors.retrieve import FusionSpec, PassageHit, UnitHit, fuse


class WatchedIndex:
    """The port `IndexReader`, for one question; `found` is told once it is answered."""

    def __init__(self, index: IndexReader) -> None:
        self._index = index
        self._units: list[UnitHit] = []
        self._hits: list[PassageHit] = []
        self._passages: dict[str, PassageRow] = {}
        self._documents: dict[str, DocumentRow] = {}

    async def search_units(
        self, vector: NDArray[np.float32], at: int, access: Access, limit: int
    ) -> list[UnitHit]:
        """As the index's."""
        self._units = await self._index.search_units(vector, at, access, limit)
        return self._units

    async def search_passages(
        self, weights: Mapping[int, float], at: int, access: Access, limit: int
    ) -> list[PassageHit]:
        """As the index's."""
        self._hits = await self._index.search_passages(weights, at, access, limit)
        return self._hits

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        """As the index's."""
        self._passages = await self._index.passages(ids, at, access)
        return self._passages

    async def documents(self, doc_ids: Sequence[str], at: int) -> dict[str, DocumentRow]:
        """As the index's."""
        self._documents = await self._index.documents(doc_ids, at)
        return self._documents

    def found(self, names: Sequence[str], fusion: FusionSpec) -> list[FoundPassage]:
        """The passages of a receipt, `passage_id@version`, with the scores that ranked them."""
        ranks = fuse(self._units, self._hits, fusion)
        scores = {rank.passage_id: rank.score for rank in ranks}
        return [self._passage(name, scores[name.rpartition("@")[0]]) for name in names]

    def _passage(self, name: str, score: float) -> FoundPassage:
        row = self._passages[name.rpartition("@")[0]]
        start, end = self._documents[row.doc_id].layout[row.passage_id]
        return FoundPassage(
            name=name, doc_id=row.doc_id, start=start, end=end, score=score, text=row.text
        )


class WatchedReader:
    """The port `Reader`, for one question; `prompt_sha256` is of what it was given, if anything."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.prompt_sha256: str | None = None

    @property
    def version(self) -> str:
        """The reader's."""
        return self._reader.version

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        timeout_s: float,
        sampling: Mapping[str, object] = NONE,
    ) -> Generation:
        """As the reader's."""
        self.prompt_sha256 = sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
        return self._reader.generate(
            prompt, max_tokens=max_tokens, timeout_s=timeout_s, sampling=sampling
        )
