"""Who calls."""

from typing import NamedTuple

from starlette.datastructures import Headers

from streams.gateway.errors import ApiError
from streams.gateway.keys import KeyRing

ADMIN = "documents:admin"


class Caller(NamedTuple):
    """A tenant, by one of its keys."""

    tenant: str
    key_id: str
    scopes: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether it may write documents that are everybody's."""
        return ADMIN in self.scopes


def authenticate(headers: Headers, ring: KeyRing, now: int) -> Caller:
    """The caller that the `Authorization` header proves; `now` in microseconds.

    Raises:
        ApiError: 401, the same for every reason but a missing header.
    """
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise ApiError(
            401,
            "missing_api_key",
            "give your API key as `Authorization: Bearer fk_..`; "
            "`freshet keys create --tenant NAME` makes one",
        )
    key = ring.verify(text.strip(), now)
    if key is None:
        raise ApiError(401, "invalid_api_key", "this API key is unknown, revoked or expired")
    return Caller(key.tenant, key.id, frozenset(key.scopes))
