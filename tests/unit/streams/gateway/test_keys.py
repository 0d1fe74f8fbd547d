"""API keys: made once, kept hashed, verified, revoked for good."""

import msgspec
import pytest
from starlette.datastructures import Headers

from processors.control import Control
from schemas.codec import encode
from schemas.control import ApiKey
from streams.control import send
from streams.gateway.auth import USUAL, Caller, authenticate
from streams.gateway.errors import ApiError
from streams.gateway.keys import KeyRing, NewKey, hash_of, new_key, read_keys
from tests.doubles.log import MemoryLog

NOW = 1_760_000_000_000_000


def event_of(made: NewKey, **more: object) -> ApiKey:
    """What `control` holds of a key."""
    fields = {"tenant": "acme", "revision": 1, "by": "ana", "why": "", "at": NOW}
    return ApiKey(id=made.id, hash=made.hash, **(fields | more))  # type: ignore[arg-type]


def ring_of(*events: ApiKey) -> KeyRing:
    """The keys after these events."""
    control = Control()
    for event in events:
        control.observe(event)
    return KeyRing(control)


def test_a_key_is_known_by_its_secret() -> None:
    """As it was shown when it was made."""
    made = new_key()
    found = ring_of(event_of(made)).verify(made.text, NOW)
    assert found is not None
    assert found.tenant == "acme"


def test_what_is_kept_does_not_show_the_secret() -> None:
    """Who reads the topic cannot call."""
    made = new_key()
    secret = made.text.removeprefix(f"fk_{made.id}_")
    kept = encode(event_of(made))
    assert secret.encode() not in kept
    assert hash_of(secret).encode() in kept


def test_no_two_keys_are_alike() -> None:
    """Neither their ids nor their secrets."""
    made = [new_key() for _ in range(100)]
    assert len({key.id for key in made}) == len({key.hash for key in made}) == 100


@pytest.mark.parametrize(
    "wrong",
    ["", "fk_", "sk-1234", "fk_000000000000_" + "A" * 43, "fk_" + "é" * 12 + "_" + "A" * 43],
)
def test_what_is_no_key_is_nobody(wrong: str) -> None:
    """Another shape, or an id that there is not."""
    assert ring_of(event_of(new_key())).verify(wrong, NOW) is None


def test_the_id_with_another_secret_is_nobody() -> None:
    """The id is no secret."""
    made, other = new_key(), new_key()
    forged = f"fk_{made.id}_{other.text.removeprefix(f'fk_{other.id}_')}"
    assert ring_of(event_of(made), event_of(other)).verify(forged, NOW) is None


def test_a_revoked_key_stays_revoked() -> None:
    """Also when its first event comes once more."""
    made = new_key()
    revoked = event_of(made, revision=2, removed=True)
    again = event_of(made, revision=3)
    assert ring_of(event_of(made), revoked, again).verify(made.text, NOW) is None


def test_a_key_cannot_be_taken_over_by_a_later_event() -> None:
    """Neither its hash nor its tenant changes."""
    made, other = new_key(), new_key()
    tenant = event_of(made, revision=2, tenant="other")
    secret = msgspec.structs.replace(event_of(made, revision=2), hash=other.hash)
    revoked = event_of(made, revision=2, tenant="other", removed=True)
    found = ring_of(event_of(made), tenant, secret, revoked).verify(made.text, NOW)
    assert found is not None
    assert found.tenant == "acme"


def test_a_key_expires_at_its_moment() -> None:
    """Not before it."""
    made = new_key()
    ring = ring_of(event_of(made, expires_at=NOW))
    assert ring.verify(made.text, NOW - 1) is not None
    assert ring.verify(made.text, NOW) is None


async def test_keys_are_read_from_the_log() -> None:
    """As compaction leaves them."""
    log, made = MemoryLog(), new_key()
    await send(log, event_of(made))
    await send(log, event_of(made, revision=2, removed=True))
    log.compact("control")
    ring = await read_keys(log)
    assert [key.removed for key in ring.all()] == [True]


def test_the_caller_is_who_the_bearer_token_proves() -> None:
    """The scheme's case does not matter, as HTTP has it."""
    made = new_key()
    ring = ring_of(event_of(made, scopes=["documents:admin"]))
    caller = authenticate(Headers({"authorization": f"bearer {made.text}"}), ring, NOW)
    assert caller == Caller("acme", made.id, USUAL | {"documents:admin"})
    assert caller.is_admin


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "Bearer fk_x"])
def test_without_a_known_key_nobody_calls(header: str) -> None:
    """401, with the challenge that HTTP asks for."""
    with pytest.raises(ApiError) as refused:
        authenticate(Headers({"authorization": header}), KeyRing(Control()), NOW)
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")
