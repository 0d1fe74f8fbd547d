"""Texts embedded, however many and however long the model is away."""

from collections.abc import Mapping
from functools import partial
from itertools import islice

from processors.ports import Embedder
from streams.clients.errors import ModelDeadline, ModelUnavailable
from streams.workers.patience import until_available

_AT_ONCE = 256


async def embedded(embedder: Embedder, texts: Mapping[str, str]) -> dict[str, bytes]:
    """The vector of each text, by its key: float32, little-endian.

    By several calls where there is much to embed, so that none outlasts its deadline.
    """
    vectors: dict[str, bytes] = {}
    keys = iter(texts)
    while some := list(islice(keys, _AT_ONCE)):
        wanted = [texts[key] for key in some]
        matrix = await until_available(
            partial(embedder.embed, wanted), ModelUnavailable, ModelDeadline
        )
        rows = (row.astype("<f4").tobytes() for row in matrix)
        vectors.update(zip(some, rows, strict=True))
    return vectors
