"""An index version: everything that decides which rows a document becomes and how they rank."""

from msgspec import Struct, field

from processors.lexical import LexicalSpec
from processors.retrieve import FusionSpec
from processors.split import ChunkSpec


class IndexSpec(Struct, frozen=True, kw_only=True):
    """What is pinned by an index version's name: a different spec is a different index."""

    name: str = "v1"
    embedder: str = "minilm-l6@1"
    chunk: ChunkSpec = field(default_factory=ChunkSpec)
    lexical: LexicalSpec = field(default_factory=LexicalSpec)
    fusion: FusionSpec = field(default_factory=FusionSpec)
