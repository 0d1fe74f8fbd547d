"""Sparse vectors in memory, by dimension: which rows have it, and how much of it."""

from array import array
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


class Postings:
    """The rows of each dimension. A row is added once."""

    def __init__(self) -> None:
        self._lists: dict[int, tuple[array[int], array[float]]] = {}

    def add(self, row: int, vector: Mapping[int, float]) -> None:
        """Take a row's vector: dimension -> weight."""
        for dimension, weight in vector.items():
            rows, weights = self._lists.setdefault(dimension, (array("i"), array("f")))
            rows.append(row)
            weights.append(weight)

    def scores(self, query: Mapping[int, float], rows: int) -> NDArray[np.float32]:
        """The inner product of each of the first `rows` rows with a query, both of float32.

        Summed in double precision in the order of the dimensions, and rounded once.
        """
        sums = np.zeros(rows, np.float64)
        for dimension in sorted(query.keys() & self._lists.keys()):
            found, weights = self._lists[dimension]
            times = float(np.float32(query[dimension]))
            sums[np.frombuffer(found, np.int32)] += np.frombuffer(weights, np.float32) * times
        return sums.astype(np.float32)
