"""Which rows of a table can be seen: when, and by whom."""

from array import array

import msgspec
import numpy as np
from numpy.typing import NDArray

from processors.rows import Demand, Record

_REMEMBERED = 256


class Rows:
    """Rows numbered in the order in which they came: from when to when each is valid, and what
    `acl` and `tags` it has."""

    def __init__(self) -> None:
        self._from = array("q")
        self._to = array("q")
        self._label = array("i")
        self._labels: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        self._examples: list[Record] = []
        """A row of each label, for its `acl` and `tags`."""
        self._allowed: dict[Demand, NDArray[np.bool_]] = {}

    def __len__(self) -> int:
        return len(self._from)

    def add(self, record: Record) -> int:
        """Take a row; gives its number."""
        self._from.append(record.valid_from)
        self._to.append(record.valid_to)
        self._label.append(self._labelled(record))
        return len(self._from) - 1

    def close(self, row: int, valid_to: int) -> None:
        """From that time on a row is not seen any more."""
        self._to[row] = valid_to

    def sees(self, row: int, at: int, demand: Demand) -> bool:
        """Whether one row is seen at an index time."""
        valid = self._from[row] <= at < self._to[row]
        return valid and bool(self._allows(demand)[self._label[row]])

    def seen(self, at: int, demand: Demand) -> NDArray[np.intp]:
        """The rows that are seen at an index time, in their order."""
        valid = np.frombuffer(self._from, np.int64) <= at
        valid &= np.frombuffer(self._to, np.int64) > at
        valid &= self._allows(demand)[np.frombuffer(self._label, np.int32)]
        return np.flatnonzero(valid)

    def _labelled(self, record: Record) -> int:
        label = tuple(record.acl), tuple(record.tags)
        if label not in self._labels:
            self._labels[label] = len(self._examples)
            self._examples.append(msgspec.structs.replace(record, body="", vector=b""))
        return self._labels[label]

    def _allows(self, demand: Demand) -> NDArray[np.bool_]:
        """Of each label, whether it meets a demand."""
        known = self._allowed.get(demand)
        if known is None or len(known) < len(self._examples):
            if len(self._allowed) >= _REMEMBERED:
                self._allowed.clear()
            allows = map(demand.allows, self._examples)
            known = np.fromiter(allows, np.bool_, len(self._examples))
            self._allowed[demand] = known
        return known
