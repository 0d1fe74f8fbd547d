"""A server that shows something, or how to get it."""

from dataclasses import dataclass

from streams.stack.part import Part

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Tool:
    """One of them. Without a `part` it is not installed, and `missing` says what to do."""

    name: str
    shows: str
    port: int
    missing: str
    part: Part | None = None

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.port}"
