"""Evidence made ready once, to hold many claims against it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.judging.vectors import Floats, Ids, WordVectors
from models.judging.words import Word, words

MOST_WORDS = 6_000
"""Words of all evidence that a claim is held against: it bounds time and memory."""
BEFORE, BEHIND = 5, 3
"""How far a negation reaches: words before and behind it that it may turn round."""

_END = re.compile(r"[.!?][\"'”’)\]]*\s+(?![a-z])|[。！？]|\n\s*")

_NO_WORDS = Word(*[()] * len(Word._fields))

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Place:
    """`text[start:end]` of the evidence with this number, from 0."""

    evidence: int
    start: int
    end: int


class Evidence:
    """The words of all texts in a row, [n], and what is known of each."""

    def __init__(self, texts: Sequence[str], vectors: WordVectors) -> None:
        self.words: list[Word] = []
        self.sentences: list[Place] = []
        sentence_of: list[int] = []
        for number, text in enumerate(texts):
            for start, end in _sentences(text):
                found = words(text[start:end])[: MOST_WORDS - len(self.words)]
                if found:
                    sentence_of += [len(self.sentences)] * len(found)
                    self.words += found
                    self.sentences.append(Place(number, start, end))
        self.sentence_of: Ids = np.array(sentence_of, np.int64)
        columns = Word(*zip(*self.words, strict=True)) if self.words else _NO_WORDS
        self.keys = columns.key
        self.positions: dict[str, list[int]] = {}
        for at, key in enumerate(self.keys):
            self.positions.setdefault(key, []).append(at)
        self.ids = vectors.ids(self.words)
        self._distinct, self._inverse = np.unique(self.ids, return_inverse=True)
        self._vectors = vectors.vectors[self._distinct]
        self.content: Mask = np.array(columns.content, bool)
        self.numbers: Mask = np.array(columns.number, bool)
        self.negative: Mask = np.array(columns.negative, bool)
        self._lower = columns.lower
        self._ngrams: dict[int, set[tuple[str, ...]]] = {}

    def __len__(self) -> int:
        return len(self.words)

    def likeness(self, vectors: Floats) -> Floats:
        """Cosine of each row with each word, [k, n]; 0 for words that carry no content."""
        cosines: Floats = np.take(vectors @ self._vectors.T, self._inverse, axis=1)
        cosines *= self.content
        return cosines

    def ngrams(self, length: int) -> set[tuple[str, ...]]:
        """All runs of so many words."""
        if length not in self._ngrams:
            runs = zip(*(self.keys[at:] for at in range(length)), strict=False)
            self._ngrams[length] = set(runs)
        return self._ngrams[length]

    @cached_property
    def forms(self) -> frozenset[str]:
        """The words as they stand, in small letters."""
        return frozenset(self._lower)

    @cached_property
    def negated(self) -> Mask:
        """Whether a negation stands near, [n]."""
        return within(self.negative[None].astype(np.float32), BEFORE, BEHIND)[0] > 0


def within(rows: Floats, before: int, behind: int) -> Floats:
    """Sums over the window [at - before, at + behind] of each place, row by row."""
    count = rows.shape[1]
    sums = np.zeros((rows.shape[0], count + 1), np.float32)
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    at = np.arange(count)
    windows: Floats = (
        sums[:, np.minimum(at + behind + 1, count)] - sums[:, np.maximum(at - before, 0)]
    )
    return windows


def _sentences(text: str) -> list[tuple[int, int]]:
    """Trimmed spans of sentences, blank ones left out."""
    spans, start = [], 0
    for gap in _END.finditer(text):
        spans.append((start, gap.end()))
        start = gap.end()
    spans.append((start, len(text)))
    trimmed = (_trimmed(text, *span) for span in spans)
    return [(start, end) for start, end in trimmed if start < end]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())
