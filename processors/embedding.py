"""What an embedder is sent: under which key it is remembered, and in which batches."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import msgspec

_CHARACTERS_PER_TOKEN = 4
_SPECIAL_TOKENS = 2


class Batch(msgspec.Struct, frozen=True):
    """Texts for one call; `indices` are their places in the sequence they came from."""

    indices: tuple[int, ...]
    texts: tuple[str, ...]


def embed_key(embed_text: str, embedder_version: str) -> str:
    """Name the vector of exactly this text by exactly this embedder: 32 hexadecimal digits."""
    digest = blake2b(digest_size=16)
    digest.update(embedder_version.encode())
    digest.update(b"\0")
    digest.update(embed_text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def tokens(text: str) -> int:
    """An estimate from above, for ordinary prose, of the tokens that a text takes."""
    return len(text) // _CHARACTERS_PER_TOKEN + 1 + _SPECIAL_TOKENS


def batches(texts: Sequence[str], token_budget: int = 1024, max_texts: int = 32) -> Iterator[Batch]:
    """Group texts of like length, so that little of a batch is padding.

    A batch costs its longest text times its number of texts; that stays within `token_budget`
    unless one text alone exceeds it. Shortest first; ties keep their order.
    """
    group: list[int] = []
    for index in sorted(range(len(texts)), key=lambda i: len(texts[i])):
        longest = tokens(texts[index])
        if group and (len(group) >= max_texts or longest * (len(group) + 1) > token_budget):
            yield _batch(texts, group)
            group = []
        group.append(index)
    if group:
        yield _batch(texts, group)


def _batch(texts: Sequence[str], group: list[int]) -> Batch:
    return Batch(tuple(group), tuple(texts[index] for index in group))
