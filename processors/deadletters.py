"""A record that cannot be processed, as the dead letter that keeps it."""

from collections.abc import Sequence
from typing import Protocol

from schemas.deadletters import DeadLetter, Reason

MAX_VALUE = 512 * 1024
"""A larger value, in bytes, is not repeated: it is in the log, at its origin."""


class Received(Protocol):
    """A record as it came."""

    @property
    def partition(self) -> int:
        """Of its topic."""
        ...

    @property
    def offset(self) -> int:
        """In its partition."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""
        ...


def dead_letter(
    topic: str, record: Received, reason: Reason, message: str, role: str, now: int
) -> DeadLetter:
    """The dead letter of a record of `topic` that `role` refused; `now` in microseconds."""
    small = record.value is not None and len(record.value) <= MAX_VALUE
    return DeadLetter(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason,
        message=message,
        role=role,
        at=now,
        key=record.key,
        value=record.value if small else None,
        # Kafka has headers without a value; a dead letter has them empty.
        headers=[(name, value or b"") for name, value in record.headers],
    )
