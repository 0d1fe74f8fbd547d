"""An embedder without a model: texts that share words get vectors that are near each other."""

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
_WORD = re.compile(r"\w+")


class HashEmbedder:
    """The port `Embedder`: the sum of a fixed random direction for each word, made length one."""

    def __init__(self, version: str = "minilm-l6@1") -> None:
        self._version = version
        self.texts: list[str] = []
        """Every text embedded so far, in order."""
        self.calls: list[int] = []
        """How many texts each call had."""
        self.gate = asyncio.Event()
        """While it is shut no vector comes."""
        self.gate.set()
        self.fault: Exception | None = None

    @property
    def version(self) -> str:
        """What it says it is."""
        return self._version

    @property
    def words(self) -> int:
        """How many words were embedded so far."""
        return sum(len(text.split()) for text in self.texts)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors float32 [n, 384]: equal texts, equal vectors."""
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.texts.extend(texts)
        self.calls.append(len(texts))
        return np.stack([vector_of(text) for text in texts])


def vector_of(text: str) -> NDArray[np.float32]:
    """The vector of a text."""
    words = _WORD.findall(text.lower()) or [text]
    total = np.sum([_direction(word) for word in words], axis=0)
    length = float(np.linalg.norm(total))
    unit: NDArray[np.float32] = (total / length).astype(np.float32)
    return unit


@lru_cache(maxsize=1 << 14)
def _direction(word: str) -> NDArray[np.float64]:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).standard_normal(DIMENSIONS)
