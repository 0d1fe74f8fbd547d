"""What the consumer groups are called."""

from schemas.topics import FIRST_INDEX


def group_of(role: str, index_version: str = FIRST_INDEX) -> str:
    """The group of a role. Each index version has an indexer and a writer of its own."""
    return f"freshet-{role}{suffix(index_version)}"


def suffix(index_version: str) -> str:
    """What tells the names of an index version's worker from those of the first."""
    return "" if index_version == FIRST_INDEX else f"-{index_version}"
