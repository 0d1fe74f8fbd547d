"""`dead-letters`: an event that could not be processed, with why and from where."""

from typing import Literal

from msgspec import Struct

from schemas.common import IndexTime, Offset, Partition

Reason = Literal[
    "not_json",
    "invalid",
    "missing_key",
    "key_mismatch",
    "too_large",
    "wrong_type",
    "conflict",
    "internal",
]


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The event as received, so that it can be mended and sent again."""

    topic: str
    partition: Partition
    offset: Offset
    reason: Reason
    message: str
    role: str
    """The worker that refused it."""
    at: IndexTime
    key: bytes | None = None
    value: bytes | None = None
    """Absent where it is too large to repeat: then it is read at its origin."""
    headers: list[tuple[str, bytes]] = []
