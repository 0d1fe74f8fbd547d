"""A `Table` that is a collection in Milvus."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np

from processors.rows import Demand, Record
from streams.environments import check
from streams.index import collection
from streams.index.connection import Connection
from streams.index.table import Hit, Query

_PAGE = 1000
_MOST_DELETED = 8000
"""milvus-lite may read the whole table for each delete: the more at once the better."""
_CHARACTERS = "!.0123456789@abcdef"
"""What primary keys are made of, behind their first letter, in order."""
_AFTER = "g"
_STRONG = "Strong"


class MilvusTable:
    """One collection. Raises IndexUnavailable and IndexRejected."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        kinds: str,
        *,
        dimensions: int | None,
        dense_index: str,
        owner: str = "",
    ) -> None:
        """`kinds` are the letters that the collection's keys begin with, `owner` is the environment
        that it has to belong to.

        Vectors are dense where they have `dimensions`, and sparse where that is None.
        """
        self._connection = connection
        self._name = name
        self._kinds = kinds
        self._dimensions = dimensions
        self._dense = dimensions is not None
        self._dense_index = dense_index
        self._owner = owner

    async def ensure(self) -> None:
        """Make the collection if it is missing, and load it.

        Raises:
            WrongEnvironment: it is another environment's.
        """
        if await self._exists():
            await self._check_owner()
        else:
            await self._connection.write(
                "create_collection",
                self._name,
                schema=collection.schema(self._dimensions, self._owner),
                index_params=collection.index_params(
                    dense=self._dense, dense_index=self._dense_index
                ),
                consistency_level=_STRONG,
            )
        await self._connection.write("load_collection", self._name)

    async def _check_owner(self) -> None:
        described = await self._connection.read("describe_collection", self._name)
        check(described["description"], self._owner, f"{self._name} and its like", "milvus.prefix")

    async def insert(self, records: Sequence[Record]) -> None:
        """Add rows, in as many messages as their length asks for."""
        for batch in collection.batches(records):
            rows = [collection.written(record) for record in batch]
            await self._connection.write("insert", self._name, rows)

    async def delete(self, pks: Sequence[str]) -> None:
        """Delete rows by primary key."""
        for some in collection.pieces(pks, _MOST_DELETED):
            await self._connection.write("delete", self._name, ids=list(some))

    async def fetch(self, pks: Sequence[str]) -> list[Record]:
        """The rows of these primary keys that are there, whole."""
        found: list[Record] = []
        for some in collection.pieces(pks):
            rows = await self._query(collection.one_of("pk", some), _WHOLE)
            found.extend(collection.read(row) for row in rows)
        return found

    async def present(self, pks: Sequence[str]) -> set[str]:
        """Which of these primary keys are there."""
        found: set[str] = set()
        for some in collection.pieces(pks):
            rows = await self._query(collection.one_of("pk", some), ["pk"])
            found.update(row["pk"] for row in rows)
        return found

    async def search(self, query: Query, at: int, demand: Demand, limit: int) -> list[Hit]:
        """The best visible rows by inner product; sparse ones that share no dimension are none."""
        vector: Any = query if isinstance(query, np.ndarray) else dict(query)
        found = await self._connection.read(
            "search",
            self._name,
            [vector],
            anns_field="vector",
            filter=collection.visible_at(at, demand),
            limit=limit,
            output_fields=["id", "owner"],
            search_params=collection.search_params(
                dense=self._dense, dense_index=self._dense_index, limit=limit
            ),
            consistency_level=_STRONG,
        )
        return [_hit(hit) for hit in found[0]]

    async def visible(self, keys: Sequence[str], at: int, demand: Demand) -> list[Record]:
        """The rows of these keys that are visible at a time, without their vectors."""
        found: list[Record] = []
        for some in collection.pieces(keys):
            where = f"{collection.one_of('key', some)} and {collection.visible_at(at, demand)}"
            rows = await self._query(where, collection.COLUMNS)
            found.extend(collection.read(row) for row in rows)
        return found

    async def rows(self) -> AsyncIterator[Record]:
        """Every row there is, by ranges of primary keys: no single answer may hold them all."""
        for kind in self._kinds:
            async for row in self._rows_under(kind):
                yield row

    async def collect(self, before: int) -> int:
        """Delete the rows closed at or before a time; returns how many."""
        deleted = 0
        while True:
            rows = await self._query(f"valid_to <= {int(before)}", ["pk"], limit=_MOST_DELETED)
            if not rows:
                return deleted
            await self.delete([row["pk"] for row in rows])
            deleted += len(rows)

    async def count(self) -> int:
        """How many rows there are; 0 where there is no collection."""
        return await self._count("") if await self._exists() else 0

    async def drop(self) -> None:
        """Delete the collection, if there is one."""
        if await self._exists():
            await self._connection.write("drop_collection", self._name)

    async def _exists(self) -> bool:
        return bool(await self._connection.read("has_collection", self._name))

    async def _rows_under(self, prefix: str) -> AsyncIterator[Record]:
        where = f'pk >= "{prefix}" and pk < "{prefix}{_AFTER}"'
        if await self._count(where) <= _PAGE:
            for row in await self._query(where, _WHOLE):
                yield collection.read(row)
            return
        for row in await self._query(f'pk == "{prefix}"', _WHOLE):
            yield collection.read(row)
        for character in _CHARACTERS:
            async for record in self._rows_under(prefix + character):
                yield record

    async def _count(self, where: str) -> int:
        rows = await self._query(where, ["count(*)"])
        return int(rows[0]["count(*)"])

    async def _query(self, where: str, fields: Sequence[str], **options: Any) -> Sequence[Any]:
        found: Sequence[Any] = await self._connection.read(
            "query",
            self._name,
            filter=where,
            output_fields=list(fields),
            consistency_level=_STRONG,
            **options,
        )
        return found


_WHOLE = [*collection.COLUMNS, "vector"]


def _hit(found: Any) -> Hit:
    entity = found["entity"]
    return Hit(-float(found["distance"]), entity["id"], entity["owner"])
