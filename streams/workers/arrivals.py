"""What the monitor reads: events decoded, and the vectors of the questions in them."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.ports import Embedder
from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.index import IndexChange
from streams.clients.errors import ModelDeadline, ModelRejected, ModelUnavailable
from streams.clients.kafka import LogClient, Record
from streams.workers import measures
from streams.workers.deadletters import dead_letter
from streams.workers.patience import until_available
from streams.workers.shell import Clock

log = logging.getLogger(__name__)

_EMBEDDED_AT_ONCE = 4
"""Few, so that a question that somebody waits for never stands behind many of these."""

Event = Evaluation | Feedback | IndexChange
Vector = NDArray[np.float32]


class Arrived(NamedTuple):
    """An event of the log, with what was made of it before the transaction."""

    record: Record
    envelope: Envelope | None
    event: Event | None
    vector: Vector | None = None


class Arrivals:
    """Reads batches. Keeps nothing."""

    def __init__(self, log_client: LogClient, embedder: Embedder, clock: Clock) -> None:
        self._log = log_client
        self._embedder = embedder
        self._clock = clock

    async def read(
        self, batch: Sequence[Record], is_new: Callable[[Record], bool]
    ) -> list[Arrived]:
        """The events of a batch. What is none is put aside, where it is read the first time."""
        read = [await self._decoded(record, is_new) for record in batch]
        asked = [
            (place, one.event.question)
            for place, one in enumerate(read)
            if isinstance(one.event, Evaluation)
            and one.event.shadow_of is None
            and (one.event.question or "").strip()
        ]
        with measures.stage("monitor", "embed"):
            for first in range(0, len(asked), _EMBEDDED_AT_ONCE):
                some = asked[first : first + _EMBEDDED_AT_ONCE]
                vectors = await self._embed([text or "" for _, text in some])
                for (place, _), vector in zip(some, vectors, strict=True):
                    read[place] = read[place]._replace(vector=vector)
        return read

    async def _decoded(self, record: Record, is_new: Callable[[Record], bool]) -> Arrived:
        try:
            envelope = Envelope.from_headers(record.headers)
            found = decode(record.topic, record.value, envelope)
        except (InvalidEvent, InvalidEnvelope) as error:
            if is_new(record):
                now = self._clock()
                await dead_letter(self._log, record.topic, record, error, "monitor", now)
            return Arrived(record, None, None)
        event = found if isinstance(found, Evaluation | Feedback | IndexChange) else None
        return Arrived(record, envelope, event)

    async def _embed(self, texts: Sequence[str]) -> list[Vector | None]:
        try:
            found = await until_available(
                lambda: self._embedder.embed(texts), ModelUnavailable, ModelDeadline
            )
        except ModelRejected as error:
            if len(texts) > 1:
                return [vector for text in texts for vector in await self._embed([text])]
            log.warning("a question cannot be embedded, and is not watched: %s", error)
            return [None]
        return list(found)
