"""Vectors that replays have paid for: a text is embedded once, whatever runs ask for it.

It is also what makes runs repeat to the byte. A model may differ in the last bit of a vector with
what else it is asked at the same moment; what is remembered does not.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from processors.embedding import embed_key
from processors.ports import Embedder

_SCHEMA = """
create table if not exists vectors (embed_key blob primary key, vector blob not null)
    strict, without rowid
"""
_AT_ONCE = 500
_WAIT_S = 60.0
_TEXTS = 256
"""Embedded between one remembering and the next."""


class VectorStore:
    """Vectors by embed key, in SQLite; several runs may use it at once."""

    def __init__(self, path: Path) -> None:
        """Open the store at `path`, or begin an empty one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def vectors(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those that are known of these, float32 little-endian."""
        return dict(self._found("embed_key, vector", keys))

    def known(self, keys: Iterable[str]) -> set[str]:
        """Which of these are known."""
        return {key for key, _ in self._found("embed_key, null", keys)}

    def keep(self, vectors: Mapping[str, bytes]) -> None:
        """Remember some more; what is remembered already stays as it is."""
        self._db.execute("begin immediate")
        try:
            self._db.executemany(
                "insert or ignore into vectors values (?, ?)",
                [(bytes.fromhex(key), vector) for key, vector in vectors.items()],
            )
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _found(self, columns: str, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        left = iter(keys)
        while some := [bytes.fromhex(key) for key in islice(left, _AT_ONCE)]:
            marks = ",".join("?" * len(some))
            rows = self._db.execute(
                f"select {columns} from vectors where embed_key in ({marks})",  # noqa: S608
                some,
            )
            yield from ((key.hex(), vector) for key, vector in rows)


class RememberingEmbedder:
    """The port `Embedder`, over another: what the store has is not asked for."""

    def __init__(self, embedder: Embedder, store: VectorStore) -> None:
        self._embedder = embedder
        self._store = store

    @property
    def version(self) -> str:
        """The embedder's."""
        return self._embedder.version

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors float32 [n, dimensions], in the order of the texts. Raises what it raises."""
        keys = [embed_key(text, self.version) for text in texts]
        missing = dict(zip(keys, texts, strict=True))
        for key in self._store.known(missing):
            del missing[key]
        left = iter(sorted(missing.items()))
        while some := dict(islice(left, _TEXTS)):
            matrix = await self._embedder.embed(list(some.values()))
            rows = (row.astype("<f4").tobytes() for row in matrix)
            self._store.keep(dict(zip(some, rows, strict=True)))
        found = self._store.vectors(dict.fromkeys(keys))
        return np.stack([np.frombuffer(found[key], "<f4") for key in keys])
