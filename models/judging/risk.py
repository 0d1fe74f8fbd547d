"""How likely each word of a claim is at fault, and so the claim, learned from whole claims.

Labels say that a claim is unsupported, not which word makes it so. A claim is taken to be supported
when none of its words is at fault: P(supported) = (1 - b) Π (1 - p(word)), the noisy-or of
multiple-instance learning (Maron and Lozano-Pérez, NIPS 1998), with b for all other causes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.judging.align import Alignment
from models.judging.vectors import Floats, WordVectors

MEANING = 48
"""Leading components of a word's vector that are looked at."""
"""The last 3 × 48 inputs come of them; they are 0 for a word that the evidence has."""
_SCALE = 6.0

Rows = NDArray[np.float64]


def inputs(found: Alignment, vectors: WordVectors) -> Floats:
    """What is known of each word, float32 [k, 180]: its table, combinations, and its meaning."""
    of = {
        name: found.column(name)[:, None]
        for name in ("number", "name", "unlisted", "rarity", "anywhere", "instead", "context")
    }
    missing = (1 - found.column("exact"))[:, None]
    plain = missing * (1 - of["number"]) * (1 - of["name"])
    like, instead = of["anywhere"], of["instead"]
    combined = [
        *(missing, missing * of["rarity"], missing * like, missing * of["context"]),
        *(missing * of["number"], missing * of["name"], missing * of["unlisted"]),
        *(missing * like * of["rarity"], plain, plain * of["rarity"], plain * of["context"]),
        *(plain * like, plain * like**2, plain * instead, plain * instead * of["context"]),
    ]
    return np.hstack([found.table, *combined, *_meaning(found, vectors, missing)])


def _meaning(found: Alignment, vectors: WordVectors, missing: Floats) -> list[Floats]:
    """A missing word's vector, and its products with those of the words it may stand for."""
    rows = (found.ids, found.best_ids, found.instead_ids)
    word, best, instead = (_SCALE * vectors.vectors[ids, :MEANING] for ids in rows)
    return [missing * word, missing * word * best, missing * word * instead]


@dataclass(frozen=True)
class Risk:
    """A linear model of the log odds that a word is at fault."""

    mean: Rows
    scale: Rows
    weights: Rows
    constant: float

    def of_words(self, rows: Floats) -> Rows:
        """Probabilities [k]."""
        odds = (rows - self.mean) / self.scale @ self.weights + self.constant
        risks: Rows = 1 / (1 + np.exp(-odds))
        return risks


def summary(risks: Rows) -> list[float]:
    """A claim's risk in four numbers: the sum of -log(1 - p), its log, the greatest, the mean."""
    costs = -np.log1p(-np.minimum(risks, 1 - 1e-9))
    total = float(costs.sum())
    return [np.log1p(total), np.log(total + 1e-3), float(costs.max()), float(costs.mean())]
