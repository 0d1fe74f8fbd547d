"""Document events to the log, many under way at once, and when the index shows them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from processors.readtime import Progress
from schemas.codec import InvalidEvent, decode_as, encode
from schemas.documents import Document
from schemas.envelope import headers
from schemas.index import IndexProgress
from schemas.topics import TOPICS, changes_topic, progress_topic, type_of
from streams.clients.kafka import LogClient, Position
from streams.errors import FreshetError
from streams.sources.event import DocumentEvent, Found, Skipped

TOPIC = TOPICS["documents"]
WINDOW = 256
"""How many events may be under way: enough to fill the producer's batches."""
WINDOW_BYTES = 32 * 1024 * 1024
ENVELOPE_BYTES = 16 * 1024
"""What the key, the headers and Kafka's own framing take of a message, at most."""

Clock = Callable[[], int]


class NotShown(FreshetError):
    """A write that the index has not applied in the time given."""


class Message(NamedTuple):
    """A document event as it is sent."""

    doc_id: str
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Written(NamedTuple):
    """A document event in the log."""

    doc_id: str
    is_deletion: bool
    position: Position


Outcome = Written | Skipped


def prepare(event: DocumentEvent, source: str, now: int) -> Message | Skipped:
    """An event as bytes, or why no reader would take it."""
    tombstone = TOPIC.tombstone or ""
    document = event.document
    time = now if event.updated_at is None else event.updated_at
    try:
        value = None if document is None else encode(document)
        decode_as(Document, encode(_nameless(event.doc_id)) if value is None else value)
    except InvalidEvent as error:
        return Skipped(event.doc_id, str(error))
    if value is not None and len(value) > TOPIC.max_message_bytes - ENVELOPE_BYTES:
        why = f"too large: {len(value)} bytes as JSON, and the log takes {TOPIC.max_message_bytes}"
        return Skipped(event.doc_id, why)
    event_type = tombstone if document is None else type_of(document)
    return Message(
        event.doc_id, value, headers(event_type, source=source, id=event.event_id, time=time)
    )


async def send_all(
    log: LogClient, found: Iterable[Found], source: str, clock: Clock
) -> AsyncIterator[Outcome]:
    """Send what a source yields and say, in its order, where each event landed.

    `source` is the events' `ce_source`.
    """
    waiting: deque[tuple[Outcome | asyncio.Future[Outcome], int]] = deque()
    under_way = 0
    try:
        for each in found:
            message = each if isinstance(each, Skipped) else prepare(each, source, clock())
            if isinstance(message, Skipped):
                waiting.append((message, 0))
            else:
                size = len(message.value or b"")
                waiting.append((await _submit(log, message), size))
                under_way += size
            while len(waiting) > WINDOW or under_way > WINDOW_BYTES:
                outcome, size = waiting.popleft()
                under_way -= size
                yield await _settled(outcome)
        while waiting:
            yield await _settled(waiting.popleft()[0])
    finally:
        for outcome, _ in waiting:
            if isinstance(outcome, asyncio.Future):
                outcome.cancel()


class ShownFrom:
    """Waits for the index to show writes. Make it with `at_now` before the first is sent."""

    def __init__(
        self, log: LogClient, version: str, start: Mapping[int, int], partitions: int
    ) -> None:
        self._log = log
        self._topic = progress_topic(version)
        self._start = start
        self._progress = Progress(version, partitions)

    @classmethod
    async def at_now(cls, log: LogClient, version: str) -> "ShownFrom":
        """Begin at the end of the progress as it stands.

        Every partition reports at least once in `limits.tick_s`, so no older report is missed.
        """
        partitions = len(await log.ends(changes_topic(version)))
        return cls(log, version, await log.ends(progress_topic(version)), partitions)

    async def wait(self, writes: Sequence[Position], timeout_s: float) -> list[int]:
        """The index time from which each write shows, once every new read is made at or after it.

        Raises:
            NotShown: not within `timeout_s`.
        """
        times: list[int | None] = [None] * len(writes)
        try:
            async with asyncio.timeout(timeout_s):
                start = {self._topic: self._start}
                async for record in self._log.follow([self._topic], start=start):
                    if record.value is not None:
                        self._progress.observe(decode_as(IndexProgress, record.value))
                    times = [
                        known or self._time(at) for known, at in zip(times, writes, strict=True)
                    ]
                    if (shown := self._all_read(times)) is not None:
                        return shown
        except TimeoutError:
            pass
        left = times.count(None) or len(times)
        raise NotShown(
            f"{left} of {len(times)} writes do not show after {timeout_s:g} s; they are in the "
            "log and will be indexed; `freshet status` tells whether the indexer and writer run"
        )

    def _time(self, position: Position) -> int | None:
        return self._progress.shown_at(position.partition, position.offset)

    def _all_read(self, times: Sequence[int | None]) -> list[int] | None:
        latest = self._progress.read_time()
        shown = [time for time in times if time is not None and latest and time <= latest]
        return shown if len(shown) == len(times) else None


async def _submit(log: LogClient, message: Message) -> asyncio.Future[Outcome]:
    landing = await log.submit("documents", message.doc_id, message.value, message.headers)

    async def written() -> Outcome:
        return Written(message.doc_id, message.value is None, await landing)

    return asyncio.ensure_future(written())


async def _settled(outcome: Outcome | asyncio.Future[Outcome]) -> Outcome:
    return await outcome if isinstance(outcome, asyncio.Future) else outcome


def _nameless(doc_id: str) -> Document:
    """A document to try an id on that comes without one."""
    return Document(doc_id=doc_id, text="", content_type="text/plain")
