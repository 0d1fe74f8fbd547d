"""How far an answer means what it should, by the embedder that the index is made with.

BERTScore (Zhang et al., 2020) matches each token with the most like one on the other side. The
embedder gives one vector for a text and none for its tokens, so what is matched here are sentences.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from processors.ports import Embedder
from processors.sentences import sentences

_AT_ONCE = 256


async def embedding_f1(
    answers: Sequence[str], golds: Sequence[Sequence[str]], embedder: Embedder
) -> list[float]:
    """BERTScore's F1 over sentences, 0 to 1, the best of each answer's golds.

    A cosine below 0 counts as 0. A text without a sentence is like nothing.
    """
    cut = [_sentences(answer) for answer in answers]
    wanted = [[_sentences(gold) for gold in those] for those in golds]
    texts = {text for one in cut for text in one}
    texts.update(text for those in wanted for one in those for text in one)
    vectors = await _vectors(sorted(texts), embedder)
    return [
        max((_f1(one, gold, vectors) for gold in those), default=0.0)
        for one, those in zip(cut, wanted, strict=True)
    ]


async def _vectors(texts: Sequence[str], embedder: Embedder) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        found.update(zip(some, await embedder.embed(some), strict=True))
    return found


def _f1(
    answer: Sequence[str], gold: Sequence[str], vectors: dict[str, NDArray[np.float32]]
) -> float:
    if not answer or not gold:
        return 0.0
    one, other = (np.stack([vectors[text] for text in side]) for side in (answer, gold))
    cosines = np.clip(one @ other.T, 0.0, 1.0)
    precision, recall = cosines.max(axis=1).mean(), cosines.max(axis=0).mean()
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


def _sentences(text: str) -> list[str]:
    cut = (text[start:end].strip() for start, end in sentences(text))
    return [one for one in cut if one]
