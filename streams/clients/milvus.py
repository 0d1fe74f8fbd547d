"""The index in Milvus."""

from processors.lexical import LexicalSpec
from streams import config
from streams.index.connection import Connection
from streams.index.milvustable import MilvusTable
from streams.index.names import collection_names
from streams.index.rowindex import RowIndex


class MilvusIndex(RowIndex):
    """One version of the index: the collections `{prefix}_{version}_units` and `…_texts`.

    Methods raise IndexUnavailable when Milvus gives no answer within `settings.timeout_s` (reads
    are tried again until then, writes are not) and IndexRejected when it refuses the call.
    """

    def __init__(
        self, settings: config.Milvus, version: str, lexical: LexicalSpec | None = None
    ) -> None:
        self._connection = Connection(settings)
        names = collection_names(settings, version)
        units, texts = (
            MilvusTable(
                self._connection,
                name,
                kinds,
                dense=dense,
                dense_index=settings.dense_index,
            )
            for name, kinds, dense in zip(names, ("u", "pd"), (True, False), strict=True)
        )
        super().__init__(units, texts, lexical or LexicalSpec())

    async def close(self) -> None:
        """Close the channel."""
        await self._connection.close()
