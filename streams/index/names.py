"""What the collections of an index are called."""

from streams.config import Milvus


def collection_names(settings: Milvus, version: str) -> tuple[str, str]:
    """The collections of units and of texts."""
    return f"{settings.prefix}_{version}_units", f"{settings.prefix}_{version}_texts"
