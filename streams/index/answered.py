"""The passages that answers rested on, each from the index version of its receipt."""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from processors.index import Access, PassageRow
from processors.ports import PassageReader
from streams.clients.errors import IndexRejected

log = logging.getLogger(__name__)


class OpenIndex(PassageReader, Protocol):
    """An index that was opened."""

    async def close(self) -> None:
        """Let go of it."""
        ...


class AnsweredFrom:
    """Indexes by version, each opened when an answer first names it."""

    def __init__(
        self, open_index: Callable[[str], OpenIndex], is_known: Callable[[str], bool]
    ) -> None:
        """`is_known` tells whether there ever was such a version: receipts may name anything."""
        self._open = open_index
        self._is_known = is_known
        self._opened: dict[str, OpenIndex] = {}

    def get(self, version: str) -> PassageReader:
        """The passages of an index version; of one that is gone, or never was, there are none."""
        if not self._is_known(version):
            return _Nothing()
        if version not in self._opened:
            self._opened[version] = self._open(version)
        return _Kept(self._opened[version])

    async def close(self) -> None:
        """Let go of every index."""
        for index in self._opened.values():
            await index.close()


class _Nothing:
    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        return {}


class _Kept:
    def __init__(self, index: PassageReader) -> None:
        self._index = index

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        try:
            return await self._index.passages(ids, at, access)
        except IndexRejected as error:
            log.warning("passages that answers rested on are gone: %s", error)
            return {}
