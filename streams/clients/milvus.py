"""The index in Milvus."""

from typing import Self

from processors.lexical import LexicalSpec
from processors.version import IndexSpec
from streams import config
from streams.index.connection import Connection
from streams.index.milvustable import MilvusTable
from streams.index.names import collection_names
from streams.index.rowindex import RowIndex

DIMENSIONS = IndexSpec().dimensions


class MilvusIndex(RowIndex):
    """One version of the index: the collections `{prefix}_{version}_units` and `…_texts`.

    Methods raise IndexUnavailable when Milvus gives no answer within `settings.timeout_s` (reads
    are tried again until then, writes are not) and IndexRejected when it refuses the call.
    """

    def __init__(
        self,
        settings: config.Milvus,
        version: str,
        lexical: LexicalSpec | None = None,
        dimensions: int = DIMENSIONS,
        owner: str = "",
    ) -> None:
        """`owner` is the environment that the collections have to belong to."""
        self._connection = Connection(settings)
        names = collection_names(settings, version)
        units, texts = (
            MilvusTable(
                self._connection,
                name,
                kinds,
                dimensions=length,
                dense_index=settings.dense_index,
                owner=owner,
            )
            for name, kinds, length in zip(names, ("u", "pd"), (dimensions, None), strict=True)
        )
        super().__init__(units, texts, lexical or LexicalSpec())

    @classmethod
    def of(cls, settings: config.Milvus, spec: IndexSpec, owner: str = "") -> Self:
        """The index of a spec."""
        return cls(settings, spec.name, spec.lexical, spec.dimensions, owner)

    async def close(self) -> None:
        """Close the channel."""
        await self._connection.close()
