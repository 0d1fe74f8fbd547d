"""What stands in for the models where the past is answered again: overheard, silent, or known."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from processors.ports import NONE, Generation, Reader
from schemas.responses import Finish


def prompt_sha256(prompt: str) -> str:
    """The SHA-256, in hexadecimal digits, of exactly the text that a model was given."""
    return sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()


class Witness:
    """The port `Reader`, over another whose prompt it keeps: one for each question."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.prompt: str | None = None
        """Word for word; None where nothing was asked."""

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
    ) -> Generation:
        """Nothing."""
        return _Nothing()


class KnownVectors:
    """The port `Embedder`, over vectors that were made before, many at a time."""

    def __init__(self, version: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """`version` is the embedder's that made them; float32 [dimensions] by text."""
        self.version = version
        self._vectors = vectors

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Raises KeyError for a text that was not embedded before."""
        return np.stack([self._vectors[text] for text in texts])


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
