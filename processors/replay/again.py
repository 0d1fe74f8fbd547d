"""One past answer, given again: the live worker's processor over the past.

The model is asked through a witness that keeps what it was asked, word for word. Where nobody wants
the model's answer the witness gives none, and the rest is as if it had.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from processors.answer import WITHOUT_BOUND, Answerer, Means, ReadPoint
from processors.index import Access
from processors.ports import NONE, Generation, Reader
from schemas.control import PromptVersion
from schemas.queries import Plan, Query
from schemas.responses import Finish, Receipt, Response


class Known(Struct, frozen=True, kw_only=True):
    """What is still known of how a question was answered."""

    query: Query
    """As it was admitted."""
    plan: Plan
    prompt: PromptVersion
    tokens: int | None
    """That were set aside for it; None where that is not known any more."""


class Again(Struct, frozen=True, kw_only=True):
    """What it came to."""

    response: Response
    prompt: str | None
    """Exactly what the model was asked; None where nothing was found to ask it about."""


class Unasked:
    """The port `Reader`, for when the model's answer is not wanted: it ends before it begins."""

    def __init__(self, version: str) -> None:
        self.version = version

    def generate(
        self,
        prompt: str,
        *,
        max_tokens: int,
        timeout_s: float,
        sampling: Mapping[str, object] = NONE,
    ) -> "_Nothing":
        """Nothing."""
        return _Nothing()


class _Nothing:
    input_tokens = 0
    output_tokens = 0
    finish: Finish = "stop"

    def __aiter__(self) -> "_Nothing":
        return self

    async def __anext__(self) -> str:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """There is nothing to stop."""


class Witness:
    """The port `Reader`, over another whose prompt it keeps: one for each question."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.prompt: str | None = None

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
        self.prompt = prompt
        return self._reader.generate(
            prompt, max_tokens=max_tokens, timeout_s=timeout_s, sampling=sampling
        )


class KnownVectors:
    """The port `Embedder`, over vectors that were made before, many at a time."""

    def __init__(
        self, version: str, texts: Sequence[str], vectors: Iterable[NDArray[np.float32]]
    ) -> None:
        """`vectors` are float32 [dimensions] for each text."""
        self._version = version
        self._vectors = dict(zip(texts, vectors, strict=True))

    @property
    def version(self) -> str:
        """The embedder's that made them."""
        return self._version

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raises KeyError for a text that was not embedded before."""
        return np.stack([self._vectors[text] for text in texts])


class ReceiptWeights:
    """The port `TermWeights` that a receipt holds, for where the words' past is not at hand."""

    def __init__(self, receipt: Receipt) -> None:
        self._weights = receipt.lexical

    def weights(self, question: str, at: int, access: Access) -> dict[str, float]:
        """Those that were in force then, for this question."""
        return dict(self._weights)


async def answer_again(
    answerer: Answerer,
    known: Known,
    receipt: Receipt,
    applied: Mapping[str, int],
    reader: Reader,
    *,
    timeout_s: float,
) -> Again:
    """Answer a question at the index time of its receipt, by all that is known of its plan.

    Raises what `Answerer.answer` does.
    """
    witness = Witness(reader)
    response = await answerer.answer(
        known.query,
        Means(plan=known.plan, prompt=known.prompt, reader=witness),
        ReadPoint(at=receipt.as_of, applied=applied, staleness_ms=receipt.staleness_ms),
        timeout_s=timeout_s,
        emit=_to_nobody,
        tokens=WITHOUT_BOUND if known.tokens is None else known.tokens,
    )
    return Again(response=response, prompt=witness.prompt)


async def _to_nobody(text: str) -> None:
    """Take a piece of an answer that nobody waits for."""
