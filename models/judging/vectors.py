"""Vectors of single words: near for words of like meaning, which a paraphrase exchanges.

Made once from the embedder itself (`models.build.words`), so that no network runs for a claim.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.judging.words import Word, stem

VERSION = "words@1"
FOLDER = "words"
FILE = "words.npz"
DIMENSIONS = 128
UNKNOWN = -1

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

NUMBER_RARITY = 0.9
COMMONEST = 0.25


class WordVectors:
    """Words in order of how common they are, and `vectors` float32 [n + 1, 128] of length one.

    The last row is zero: `UNKNOWN` points there.
    """

    def __init__(self, listed: list[str], vectors: NDArray[np.floating]) -> None:
        self.vectors: Floats = np.vstack([vectors, np.zeros((1, vectors.shape[1]))]).astype(
            np.float32
        )
        self._ids = {word: at for at, word in enumerate(listed)}
        self._stems: dict[str, int] = {}
        for at, word in enumerate(listed):
            self._stems.setdefault(stem(word), at)
        self._scale = math.log(2 + len(listed))

    @classmethod
    def load(cls, folder: Path) -> "WordVectors":
        """Read what `models.build.words` wrote. Raises OSError when it is not there."""
        with np.load(folder / FOLDER / FILE) as kept:
            return cls(str(kept["words"]).split("\n"), kept["vectors"])

    def ids(self, found: list[Word]) -> Ids:
        """The row of each word, or of the commonest word of its stem, or `UNKNOWN`."""
        listed, stems = self._ids, self._stems
        rows = [
            listed[word.lower] if word.lower in listed else stems.get(stem(word.lower), UNKNOWN)
            for word in found
        ]
        return np.array(rows, np.int64)

    def rarity(self, word: Word) -> float:
        """From 0.25 (common) to 1 (not listed), by rank: what an inverse frequency would say."""
        if word.number:
            return NUMBER_RARITY
        at = self._ids.get(word.lower)
        if at is None:
            return 1.0
        return max(COMMONEST, (math.log(2 + at) / self._scale - 0.5) * 1.8)
