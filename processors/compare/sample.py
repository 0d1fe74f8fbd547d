"""One figure of many answers, with what belongs together.

Answers of one session go the same way and are like each other, so a thousand answers of ten
sessions tell less than a thousand of a thousand. What varies is therefore counted by unit, the
session (or whatever a question sticks to). Where each answer is a unit of its own, everything here
is what textbooks have for independent observations.
"""

from collections.abc import Hashable, Iterable
from typing import Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Sample(Struct, frozen=True):
    """Values float64 [n], and for each the number of its unit, int64 [n]."""

    values: Floats
    units: NDArray[np.int64]

    @classmethod
    def of(cls, found: Iterable[tuple[Hashable, float]]) -> Self:
        """Unit and value of each answer."""
        numbers: dict[Hashable, int] = {}
        rows = [(numbers.setdefault(unit, len(numbers)), value) for unit, value in found]
        return cls(
            np.array([value for _, value in rows], np.float64),
            np.array([unit for unit, _ in rows], np.int64),
        )

    @property
    def count(self) -> int:
        """How many answers."""
        return len(self.values)

    @property
    def groups(self) -> int:
        """How many units."""
        return len(np.unique(self.units))

    @property
    def mean(self) -> float:
        """Of the values."""
        return float(np.mean(self.values))

    def variance(self) -> float:
        """Of the mean, by units. At least two of them.

        Source: the linearised variance of a ratio, the sum of the values over their number, as in
        Cochran: Sampling Techniques (1977), 6.4 and 9A.
        """
        groups = self.groups
        residuals = np.bincount(self.units, self.values - self.mean)
        return float(groups / (groups - 1) * np.sum(residuals**2) / self.count**2)

    def effective(self) -> float:
        """As many independent answers would tell as much: at most `count`.

        Source: the design effect of Kish: Survey Sampling (1965), 8.2. Where all values are the
        same it cannot be told, and a unit counts as one answer.
        """
        groups = self.groups
        if groups == self.count:
            return float(groups)
        spread = float(np.var(self.values))
        clustered = self.variance() if groups > 1 else 0.0
        if not spread or not clustered:
            return float(groups)
        return min(self.count, max(1.0, 1 + spread / clustered))
