"""What other index versions have embedded: a new one need not embed it again.

A vector is of exactly one text by exactly one embedder, whatever cut the text out. So a version
that cuts its documents otherwise sends the embedder only what none ever has.
"""

import logging
from collections.abc import Sequence

from msgspec import json

from schemas.index import IndexChange, IndexEvent
from schemas.topics import changes_topic
from streams.clients.kafka import LogClient, MissingTopic
from streams.views.index import IndexView

log = logging.getLogger(__name__)

_AT_ONCE = 4096
"""Vectors that are kept in memory."""


async def gather(log_client: LogClient, view: IndexView, others: Sequence[str]) -> None:
    """Take the vectors of other index versions into a view, from where it has read them to."""
    for version in others:
        try:
            await _gather(log_client, view, changes_topic(version))
        except MissingTopic as error:
            log.info("nothing is taken from the index version %s: %s", version, error)


async def _gather(log_client: LogClient, view: IndexView, topic: str) -> None:
    places = view.seeded(topic)
    vectors: dict[str, bytes] = {}
    async for record in log_client.read(topic, start=places):
        event = _event(record.value or b"")
        places[record.partition] = record.offset + 1
        if isinstance(event, IndexChange):
            vectors.update((unit.embed_key, unit.vector) for unit in event.units_gained)
        if len(vectors) >= _AT_ONCE:
            view.seed(topic, places, vectors)
            vectors.clear()
    view.seed(topic, places, vectors)


_event = json.Decoder(IndexEvent).decode
