"""Where a replay reads the past from: the log itself, or its archive, with one face."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Protocol

from streams.clients.kafka import Record


class Records(Protocol):
    """As much of `streams.clients.kafka.LogClient` as a replay needs."""

    def read(
        self,
        topic: str,
        *,
        start: Mapping[int, int] | None = None,
        partitions: Iterable[int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Every record from `start` (default: the beginning), those of a partition in order."""
        ...

    async def starts(self, topic: str) -> dict[int, int]:
        """The first offset still held, by partition."""
        ...

    async def ends(self, topic: str) -> dict[int, int]:
        """The offset that the next record will get, by partition."""
        ...

    async def since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """The first offset at or after a time, by partition."""
        ...
