"""What the processors ask of the models and the index: narrow enough that a test can be one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from processors.index import Access, DocumentRow, PassageRow
from processors.judge.findings import Judged
from processors.retrieve import PassageHit, UnitHit
from schemas.index import IndexChange
from schemas.responses import Finish

NONE: Mapping[str, object] = MappingProxyType({})


class Embedder(Protocol):
    """Texts to vectors."""

    @property
    def version(self) -> str:
        """Name and version, such as `minilm-l6@1`: vectors of two versions are not comparable."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors float32 [n, dimensions] of length one, in the order of the texts."""
        ...


class Generation(Protocol):
    """An answer in the making. The counts are those of the pieces that came so far."""

    input_tokens: int
    output_tokens: int
    finish: Finish
    """`length` once it has ended for `max_tokens`."""

    def __aiter__(self) -> AsyncIterator[str]:
        """Itself."""
        ...

    async def __anext__(self) -> str:
        """The next piece."""
        ...

    async def aclose(self) -> None:
        """Stop: what the model has not made yet it will not make."""
        ...


class Reader(Protocol):
    """A prompt to an answer, in pieces."""

    @property
    def version(self) -> str:
        """Name and version of the model that answers."""
        ...

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        timeout_s: float,
        sampling: Mapping[str, object] = NONE,
    ) -> Generation:
        """Begin an answer of at most `max_tokens`, to be done within `timeout_s` seconds.

        `sampling` are parameters of the model, over its usual ones.
        """
        ...


class Judge(Protocol):
    """Claims and evidence to findings."""

    async def judge(
        self, claims: Sequence[str], evidence: Sequence[str], allowed: Sequence[Sequence[bool]]
    ) -> Judged:
        """Judge each claim by the texts that it may use: `allowed[i][j]`, text j supports claim i.

        At most 512 claims, 256 texts and 1 MB of all together, which the caller sees to: more is
        refused as a whole.
        """
        ...


class PassageReader(Protocol):
    """As much of an index as whoever checks an answer needs."""

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        """Passages by id; those that are not there, or not for this reader, are left out."""
        ...


class TermWeights(Protocol):
    """How rare words are."""

    def weights(self, question: str, at: int, access: Access) -> dict[str, float]:
        """The terms of a question with their weights, as of an index time, for whoever asks."""
        ...


class IndexReader(PassageReader, Protocol):
    """The index as it was at an index time `at`, no later than every partition's progress.

    Each call raises IndexUnavailable when no answer came within its time.
    """

    async def search_units(
        self, vector: NDArray[np.float32], at: int, access: Access, limit: int
    ) -> list[UnitHit]:
        """The `limit` units nearest to a vector float32 [dimensions], best first, ties by id."""
        ...

    async def search_passages(
        self, weights: Mapping[int, float], at: int, access: Access, limit: int
    ) -> list[PassageHit]:
        """The `limit` passages of the largest inner product above 0, best first, ties by id."""
        ...

    async def documents(self, doc_ids: Sequence[str], at: int) -> dict[str, DocumentRow]:
        """Documents by id; those that are not there are left out."""
        ...


class IndexWriter(Protocol):
    """What brings the index in step with the log."""

    async def ensure(self) -> None:
        """Make what is missing of the index's tables."""
        ...

    async def apply(self, changes: Sequence[IndexChange], *, check: bool) -> None:
        """Bring the rows to where whole changes (every part of each) put them.

        When it returns, reads at the changes' index times are right. When it raises
        IndexUnavailable anything between nothing and all may be done: the next attempt, of this
        or of other batches of the same changes, must look first (`check`).
        """
        ...

    async def collect(self, before: int) -> int:
        """Delete what no read at `before` or later can see; returns how many rows that were."""
        ...
