"""Vectors in memory, and their inner products with many questions at once.

Equal vectors are kept once, so that equal rows have equal scores: BLAS may sum in another order in
another place of a matrix. What BLAS gives only chooses candidates; a score that is told is summed
in double precision by itself, and rounded once. So it does not depend on what else is asked.
"""

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

_GROWTH = 1.25
_FIRST = 1024
_UNIT_ROUNDOFF = 2.0**-24


class Vectors:
    """float32 [n, dimensions]; each distinct one has a slot, in the order in which they came."""

    def __init__(self, dimensions: int) -> None:
        self._matrix = np.empty((0, dimensions), np.float32)
        self._slots: dict[bytes, int] = {}
        self._longest = 0.0

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def nbytes(self) -> int:
        """What the vectors themselves take."""
        return self._matrix.nbytes

    def slot(self, vector: bytes) -> int:
        """The slot of a vector, float32 little-endian; a new one has the next.

        Raises:
            ValueError: it has other dimensions.
        """
        name = blake2b(vector, digest_size=16).digest()
        if (known := self._slots.get(name)) is not None:
            return known
        slot = len(self._slots)
        if slot == len(self._matrix):
            rows = max(_FIRST, int(slot * _GROWTH))
            # In place, by what the system does with pages: never two copies at once.
            self._matrix.resize((rows, self._matrix.shape[1]), refcheck=False)
        self._matrix[slot] = np.frombuffer(vector, "<f4")
        self._longest = max(self._longest, float(np.linalg.norm(self._matrix[slot])))
        self._slots[name] = slot
        return slot

    def products(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """About the inner products with float32 [q, dimensions]: float32 [q, n]."""
        return queries @ self._matrix[: len(self._slots)].T

    def margin(self, query: NDArray[np.float32]) -> float:
        """Two of a question's `products` that differ by more are in the order of `scores`.

        Of the bound for a sum of n rounded products, n u / (1 - n u) times the lengths (Higham,
        Accuracy and Stability of Numerical Algorithms, 2002, 3.1), for two sums, and rounded up.
        """
        terms = self._matrix.shape[1] + 2
        return 4 * terms * _UNIT_ROUNDOFF * float(np.linalg.norm(query)) * self._longest

    def scores(
        self, slots: NDArray[np.integer[Any]], query: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The inner products of some slots: summed in double precision, rounded to float32."""
        products = self._matrix[slots].astype(np.float64)
        products *= query
        sums: NDArray[np.float32] = products.sum(axis=1).astype(np.float32)
        return sums
