"""Where replay reads the past from: the live log, or what was archived of it.

What is read is records as the log had them, with their places and times, so that everything behind
here is the same whatever they came from.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import NamedTuple, Protocol

from streams.clients.kafka import LogClient, Record


class Span(NamedTuple):
    """The offsets that a source has of one partition: [first, end)."""

    first: int
    """Above 0: retention has removed what came before it."""
    end: int


class Source(Protocol):
    """Records of the past. Topics have our names, those of index versions included
    (`schemas.topics.changes_topic`)."""

    @property
    def name(self) -> str:
        """What messages and reports call it: `log` or `archive`."""
        ...

    async def spans(self, topic: str) -> dict[int, Span]:
        """What there is of a topic, by partition. Raises MissingTopic where there is no such."""
        ...

    def read(
        self,
        topic: str,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        partitions: Iterable[int] | None = None,
        start: Mapping[int, int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Records of a topic up to where it ends now, those of each partition by offset.

        Bounded by the times that the broker gave them, [since_ms, until_ms) in milliseconds since
        the epoch, and from the offsets of `start` on. Partitions may interleave. Raises
        MissingTopic where there is no such topic.
        """
        ...


class LogSource:
    """The live log."""

    name = "log"

    def __init__(self, log: LogClient) -> None:
        self._log = log

    async def spans(self, topic: str) -> dict[int, Span]:
        """What retention has left of a topic, by partition. Raises MissingTopic."""
        ends = await self._log.ends(topic)
        return {at: Span(first, ends[at]) for at, first in (await self._log.starts(topic)).items()}

    async def read(
        self,
        topic: str,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        partitions: Iterable[int] | None = None,
        start: Mapping[int, int] | None = None,
    ) -> AsyncGenerator[Record, None]:
        """Records of a topic up to where it ends now, those of each partition by offset."""
        wanted = None if partitions is None else set(partitions)
        first = dict(start or {})
        if since_ms is not None:
            since = await self._log.since(topic, since_ms)
            first = {at: max(offset, first.get(at, 0)) for at, offset in since.items()}
        ends = await self._log.ends(topic)
        if until_ms is not None:
            ends = await self._log.since(topic, until_ms)
        left = {at for at, end in ends.items() if first.get(at, 0) < end}
        left &= left if wanted is None else wanted
        async with aclosing(self._log.read(topic, start=first, partitions=left)) as records:
            async for record in records:
                if record.offset < ends[record.partition]:
                    yield record
                if record.offset >= ends[record.partition] - 1:
                    left.discard(record.partition)
                    if not left:
                        return
