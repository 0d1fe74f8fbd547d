"""API keys: made, kept hashed in `control`, and verified.

A key is `fk_ID_SECRET`. The id finds it; the secret proves it.
"""

import hmac
import re
import secrets
from hashlib import sha256
from typing import NamedTuple

from schemas.codec import InvalidEvent, decode
from schemas.control import ApiKey
from schemas.envelope import Envelope, InvalidEnvelope
from streams.clients.kafka import LogClient, Record

_SHAPE = re.compile(r"fk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_SECRET_BYTES = 32
_NOBODY = "0" * 64


class NewKey(NamedTuple):
    """A key as it is shown, once, with what is kept of it."""

    text: str
    id: str
    hash: str


def new_key() -> NewKey:
    """A key that nobody can guess: 256 random bits behind an id of 48."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
    return NewKey(f"fk_{key_id}_{secret}", key_id, hash_of(secret))


def hash_of(secret: str) -> str:
    """What is kept of a secret.

    One round of SHA-256 is right here: slow, salted hashes protect what people think up, which
    can be guessed. 256 random bits cannot, however fast the guessing, and every request pays.
    """
    return sha256(secret.encode()).hexdigest()


class KeyRing:
    """A fold of the keys in `control`."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def observe(self, record: Record) -> None:
        """Take a record of `control`; only keys count here.

        The first record of a key makes it; after that it can only be revoked, and stays so.
        """
        if (key := key_in(record)) is None:
            return
        if key.id not in self._keys or key.removed:
            self._keys[key.id] = key

    def all(self) -> list[ApiKey]:
        """Every key there ever was, the oldest first."""
        return sorted(self._keys.values(), key=lambda key: (key.at, key.id))

    def get(self, key_id: str) -> ApiKey | None:
        """A key by its id, revoked or not."""
        return self._keys.get(key_id)

    def verify(self, text: str, now: int) -> ApiKey | None:
        """The key that this is; None for one unknown, revoked or expired at `now` (µs).

        An id that does not exist takes as long as a wrong secret.
        """
        match = _SHAPE.fullmatch(text)
        if match is None:
            return None
        key_id, secret = match.groups()
        key = self._keys.get(key_id)
        right = hmac.compare_digest(hash_of(secret), key.hash if key else _NOBODY)
        if key is None or not right or key.removed:
            return None
        return None if key.expires_at is not None and key.expires_at <= now else key


async def read_keys(log: LogClient) -> KeyRing:
    """The keys as they stand now."""
    ring = KeyRing()
    async for record in log.read("control"):
        ring.observe(record)
    return ring


def key_in(record: Record) -> ApiKey | None:
    """The key in a record of `control`; None for anything else, events of later makes included."""
    if record.value is None or not (record.key or b"").startswith(b"key/"):
        return None
    try:
        event = decode("control", record.value, Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None
    if not isinstance(event, ApiKey) or record.key != f"key/{event.id}".encode():
        return None
    return event
