"""Whether an indexer's view is of the log that it is to go on from."""

from msgspec import json

from schemas.index import IndexEvent
from streams.clients.kafka import LogClient
from streams.views.index import IndexView


async def is_of_log(view: IndexView, log: LogClient, topic: str, partitions: int) -> bool:
    """Whether the last record that the view has of each partition stands there in the log."""
    places = {p: view.place(p) for p in range(partitions)}
    wanted = {p: place for p, place in places.items() if place.next_offset > 0}
    start = {p: place.next_offset - 1 for p, place in wanted.items()}
    found: dict[int, int] = {}
    async for record in log.read(topic, start=start, partitions=wanted):
        if record.offset == start[record.partition]:
            found[record.partition] = _event(record.value or b"").index_time
    return found == {p: place.index_time for p, place in wanted.items()}


_event = json.Decoder(IndexEvent).decode
