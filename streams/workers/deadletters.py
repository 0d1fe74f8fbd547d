"""A record that cannot be processed, put aside with why and from where."""

from processors import deadletters
from schemas.codec import InvalidEvent, encode
from schemas.envelope import headers
from schemas.topics import type_of
from streams.clients.kafka import LogClient
from streams.workers import measures


async def dead_letter(
    log_client: LogClient,
    topic: str,
    message: deadletters.Received,
    error: Exception,
    role: str,
    now: int,
) -> None:
    """Write the dead letter of a record; `now` in microseconds."""
    reason = error.reason if isinstance(error, InvalidEvent) else "invalid"
    letter = deadletters.dead_letter(topic, message, reason, str(error), role, now)
    place = f"{topic}/{message.partition}@{message.offset}"
    name = headers(type_of(letter), source=f"freshet/{role}", id=place, time=now)
    await log_client.send("dead-letters", message.key, encode(letter), name)
    measures.dead(role, letter.reason)
