"""Searches that are under way at once, made as one.

A search for units reads every vector there is. So questions that are answered as tasks of one loop
wait for one another, for one turn of it, and share the reading: the same objects as in the live
worker answer many at a time.
"""

import asyncio
from collections.abc import Mapping, Sequence

from processors.index import Access, DocumentRow, PassageRow
from processors.replay.memory import Asked, Floats, ReplayIndex
from processors.retrieve import PassageHit, UnitHit

_Waiting = tuple[Asked, int, asyncio.Future[list[UnitHit]]]


class BatchedIndex:
    """The port `IndexReader`, over a `ReplayIndex`, in one event loop."""

    def __init__(self, index: ReplayIndex) -> None:
        self._index = index
        self._waiting: list[_Waiting] = []

    async def search_units(
        self, vector: Floats, at: int, access: Access, limit: int
    ) -> list[UnitHit]:
        """As the index's, together with those who ask in the same turn of the loop."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[UnitHit]] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._search)
        self._waiting.append((Asked(vector, at, access), limit, found))
        return await found

    async def search_passages(
        self, weights: Mapping[int, float], at: int, access: Access, limit: int
    ) -> list[PassageHit]:
        """As the index's."""
        return self._index.find_passages(weights, at, access, limit)

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        """As the index's."""
        return await self._index.passages(ids, at, access)

    async def documents(self, doc_ids: Sequence[str], at: int) -> dict[str, DocumentRow]:
        """As the index's."""
        return await self._index.documents(doc_ids, at)

    def _search(self) -> None:
        waiting, self._waiting = self._waiting, []
        for limit in {limit for _, limit, _ in waiting}:
            some = [(asked, found) for asked, wanted, found in waiting if wanted == limit]
            try:
                hits = self._index.find_units([asked for asked, _ in some], limit)
            except Exception as error:
                for _, found in some:
                    if not found.done():
                        found.set_exception(error)
                continue
            for (_, found), mine in zip(some, hits, strict=True):
                if not found.done():  # its caller may have gone
                    found.set_result(mine)
