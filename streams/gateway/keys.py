"""API keys: made, kept hashed in `control`, and verified.

A key is `fk_ID_SECRET`. The id finds it; the secret proves it.
"""

import hmac
import re
import secrets
from hashlib import sha256
from typing import Literal, NamedTuple

from processors.control import Control
from processors.tenants import GROUP
from schemas.control import ApiKey
from streams.clients.kafka import LogClient
from streams.control import read_control

_SHAPE = re.compile(r"fk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_SECRET_BYTES = 32
_NOBODY = "0" * 64
_WEEK_US = 7 * 24 * 3600 * 1_000_000


KeyState = Literal["valid", "expiring", "expired", "revoked", "unknown"]


class NewKey(NamedTuple):
    """A key as it is shown, once, with what is kept of it."""

    text: str
    id: str
    hash: str


def new_key() -> NewKey:
    """A key that nobody can guess: 256 random bits behind an id of 48."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
    return NewKey(f"fk_{key_id}_{secret}", key_id, hash_of(secret))


def state_of(key: ApiKey, now: int) -> KeyState:
    """How a key stands at `now` (µs); `expiring` is one that will have expired in a week."""
    if key.removed:
        return "revoked"
    if key.expires_at is None or key.expires_at > now + _WEEK_US:
        return "valid"
    return "expiring" if key.expires_at > now else "expired"


def hash_of(secret: str) -> str:
    """What is kept of a secret.

    One round of SHA-256 is right here: slow, salted hashes protect what people think up, which
    can be guessed. 256 random bits cannot, however fast the guessing, and every request pays.
    """
    return sha256(secret.encode()).hexdigest()


class KeyRing:
    """The keys in `control`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def all(self) -> list[ApiKey]:
        """Every key there ever was, the oldest first."""
        return sorted(self._control.all(ApiKey).values(), key=lambda key: (key.at, key.id))

    def get(self, key_id: str) -> ApiKey | None:
        """A key by its id, revoked or not."""
        key = self._control.get(f"key/{key_id}")
        return key if isinstance(key, ApiKey) else None

    def verify(self, text: str, now: int) -> ApiKey | None:
        """The key that this is; None for one unknown, revoked or expired at `now` (µs)."""
        return self.look(text, now)[1]

    def look(self, text: str, now: int) -> tuple[KeyState, ApiKey | None]:
        """The same, and how the key stands, which is not for callers to know.

        An id that does not exist takes as long as a wrong secret.
        """
        match = _SHAPE.fullmatch(text)
        if match is None:
            return "unknown", None
        key_id, secret = match.groups()
        key = self.get(key_id)
        right = hmac.compare_digest(hash_of(secret), key.hash if key else _NOBODY)
        if key is None or not right or key.tenant.startswith(GROUP):
            return "unknown", None
        state = state_of(key, now)
        return state, (key if state in ("valid", "expiring") else None)


async def read_keys(log: LogClient) -> KeyRing:
    """The keys as they stand now."""
    return KeyRing(await read_control(log))
