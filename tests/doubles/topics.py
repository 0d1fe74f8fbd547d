"""Vectors as an embedder gives them: a few topics, each around a direction of its own."""

import numpy as np
from numpy.typing import NDArray

DIMENSION = 24
_SPREAD = 0.18

Vectors = NDArray[np.float32]


def topics(count: int, seed: int = 5) -> Vectors:
    """Directions of length one."""
    return _unit(np.random.default_rng(seed).normal(size=(count, DIMENSION)))


def around(centres: Vectors, count: int, seed: int) -> Vectors:
    """Vectors of length one, each near one of the centres."""
    chance = np.random.default_rng(seed)
    near = centres[chance.integers(len(centres), size=count)]
    return _unit(near + _SPREAD * chance.normal(size=near.shape))


def _unit(found: NDArray[np.floating]) -> Vectors:
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)
