"""Word vectors that fit on a page: a judge for tests, without the files that set-up builds."""

from pathlib import Path

import numpy as np

from models.judging.judge import Judge
from models.judging.scoring import load
from models.judging.vectors import DIMENSIONS, WordVectors

WEIGHTS = Path(__file__).parents[2] / "models" / "repository" / "judge" / "1" / "weights.json"
ALIKE = (("buy", "purchase"), ("help", "assistance"), ("increase", "decrease"))
LISTED = (
    "the was of and in released made written is ideal for building web services founded city "
    "report company year library framework"
)


def vectors() -> WordVectors:
    """Words of common texts, each far from all others, but for the pairs of `ALIKE`."""
    listed = [*LISTED.split(), *(word for pair in ALIKE for word in pair)]
    chance = np.random.default_rng(5)
    rows = chance.normal(size=(len(listed), DIMENSIONS))
    for one, other in ALIKE:
        near = rows[listed.index(one)] + 0.5 * rows[listed.index(other)]
        rows[listed.index(other)] = near
    return WordVectors(listed, rows / np.linalg.norm(rows, axis=1, keepdims=True))


def judge() -> Judge:
    """The weights that are served, with the small vectors."""
    return Judge(load(WEIGHTS), vectors())
