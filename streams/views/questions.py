"""What was asked: questions looked up in `queries.admitted`, partition by partition.

A question lies in the log before its response does, and in the same partition, so one read up to
where the log ends finds it. Only what has not been read yet is read.
"""

from collections import OrderedDict
from collections.abc import Collection

from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.queries import AdmittedQuery
from streams.clients.kafka import LogClient, Record

TOPIC = "queries.admitted"

_LOOK_BACK_MS = 10 * 60 * 1000
"""Longer than a question may wait for its answer."""
_MOST_CHARACTERS = 32_000_000


class Questions:
    """Questions that were read and not taken yet, the newest of them."""

    def __init__(self, log_client: LogClient) -> None:
        self._log = log_client
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._characters = 0
        self._next: dict[int, int] = {}

    async def seek(self, partitions: Collection[int], answered_ms: int) -> None:
        """For partitions not read before, begin ahead of a response's time."""
        new = [partition for partition in partitions if partition not in self._next]
        if new:
            since = await self._log.since(TOPIC, max(0, answered_ms - _LOOK_BACK_MS))
            self._next |= {partition: since[partition] for partition in new}

    async def read(self, partition: int, wanted: Collection[str]) -> None:
        """Read on until all that is wanted is known, or the log ends."""
        missing = set(wanted) - self._texts.keys()
        if not missing:
            return
        records = self._log.read(TOPIC, start=self._next, partitions=[partition])
        try:
            async for record in records:
                self._next[partition] = record.offset + 1
                missing.discard(self._note(record))
                if not missing:
                    return
        finally:
            await records.aclose()

    def take(self, query_id: str) -> str | None:
        """A question's text; None where the log no longer has it, or never had. Given once."""
        text = self._texts.pop(query_id, None)
        self._characters -= len(text or "")
        return text

    def forget(self, partitions: Collection[int]) -> None:
        """These partitions are another worker's."""
        for partition in partitions:
            self._next.pop(partition, None)

    def _note(self, record: Record) -> str:
        try:
            envelope = Envelope.from_headers(record.headers)
            event = decode(TOPIC, record.value or b"", envelope)
        except (InvalidEvent, InvalidEnvelope):
            return ""  # the answerer has put it aside
        if not isinstance(event, AdmittedQuery):
            return ""
        query = event.query
        if query.query_id not in self._texts:
            self._texts[query.query_id] = query.text
            self._characters += len(query.text)
        while self._characters > _MOST_CHARACTERS:
            self._characters -= len(self._texts.popitem(last=False)[1])
        return query.query_id
