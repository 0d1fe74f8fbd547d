"""What the index asks of a table, so that one algorithm runs over Milvus and over memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from processors.rows import Demand, Record

Query = NDArray[np.float32] | Mapping[int, float]
"""A dense vector, or dimension -> weight."""


class Hit(Struct, frozen=True, order=True):
    """A row that a search found. Ordered best first, ties by id."""

    negative_score: float
    id: str
    owner: str


class Table(Protocol):
    """Rows of one shape. A single read sees one state; nothing spans several calls."""

    async def ensure(self) -> None:
        """Make the table if it is missing."""
        ...

    async def insert(self, records: Sequence[Record]) -> None:
        """Add rows. None of their primary keys may be there."""
        ...

    async def delete(self, pks: Sequence[str]) -> None:
        """Delete rows by primary key; those that are not there do not matter."""
        ...

    async def fetch(self, pks: Sequence[str]) -> list[Record]:
        """The rows of these primary keys that are there, whole."""
        ...

    async def present(self, pks: Sequence[str]) -> set[str]:
        """Which of these primary keys are there."""
        ...

    async def search(self, query: Query, at: int, demand: Demand, limit: int) -> list[Hit]:
        """The `limit` best rows that are visible; both copies of one that is being closed."""
        ...

    async def visible(self, keys: Sequence[str], at: int, demand: Demand) -> list[Record]:
        """The rows of these keys that are visible at a time; their vectors are left out."""
        ...

    def rows(self) -> AsyncIterator[Record]:
        """Every row there is, whole."""
        ...

    async def collect(self, before: int) -> int:
        """Delete the rows closed at or before a time; returns how many."""
        ...

    async def count(self) -> int:
        """How many rows there are, readable or not; 0 where there is no table."""
        ...

    async def drop(self) -> None:
        """Delete the table, if there is one."""
        ...
