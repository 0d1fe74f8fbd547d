"""What the archive says of a record besides what it is: when it happened, and what is wrong."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, Header, InvalidEnvelope
from schemas.topics import topic_named

AHEAD_US = 86_400_000_000
"""How far a producer's clock may be ahead of the broker's and still be believed: a day."""


class Checked(NamedTuple):
    """Times in microseconds since the epoch."""

    event_time: int
    """`ce_time` where it can be believed, else the broker's time: it chooses the partition."""
    id: str | None = None
    source: str | None = None
    type: str | None = None
    time: int | None = None
    fault: str | None = None
    """`reason: what is wrong`; None for a record that is as its schema wants it."""


def check(topic: str, value: bytes | None, headers: Sequence[Header], broker_us: int) -> Checked:
    """Look at one record of a topic; whatever it is, nothing is raised."""
    try:
        envelope = Envelope.from_headers(headers)
    except InvalidEnvelope as error:
        return Checked(broker_us, fault=f"invalid: {error}")
    fault = _fault(topic, value, envelope)
    if envelope is None:
        return Checked(broker_us, fault=fault)
    time = _believed(envelope.time, broker_us)
    return Checked(
        broker_us if time is None else time,
        envelope.id,
        envelope.source,
        envelope.type,
        envelope.time,
        fault,
    )


def _believed(time: int | None, broker_us: int) -> int | None:
    """A time that a clock may have shown: else anybody could make partitions without end."""
    return time if time is not None and 0 <= time <= broker_us + AHEAD_US else None


def _fault(topic: str, value: bytes | None, envelope: Envelope | None) -> str | None:
    if value is None and topic_named(topic).tombstone is not None:
        return None
    try:
        decode(topic, value, envelope)
    except InvalidEvent as error:
        return f"{error.reason}: {error.message}"
    return None
