"""Who calls, and what its key lets it do."""

from typing import NamedTuple

from starlette.datastructures import Headers

from monitoring import metrics
from schemas.control import ApiKey, Scope, TenantLimits
from streams.gateway.errors import ApiError
from streams.gateway.keys import KeyRing

ADMIN: Scope = "documents:admin"
USUAL: frozenset[Scope] = frozenset(
    ("ask", "documents:read", "documents:write", "documents:share", "feedback")
)
"""What a key may do that was given nothing, or nothing but `documents:admin`."""
_OF_ADMIN: frozenset[Scope] = frozenset(("documents:read", "documents:write"))


class Caller(NamedTuple):
    """A tenant, by one of its keys."""

    tenant: str
    key_id: str
    scopes: frozenset[Scope] = frozenset()
    groups: frozenset[str] = frozenset()
    prefix: str | None = None
    """What the ids of its documents begin with, where that is laid down."""
    limits: TenantLimits = TenantLimits()

    @property
    def is_admin(self) -> bool:
        """Whether it may write documents that are everybody's."""
        return ADMIN in self.scopes

    @property
    def names(self) -> frozenset[str]:
        """A document whose `acl` has one of these it may find."""
        return self.groups | {self.tenant}

    def check(self, scope: Scope) -> None:
        """Raise ApiError (403) where the key does not allow this."""
        if scope not in self.scopes:
            raise ApiError(
                403,
                "insufficient_scope",
                f"this key lacks the scope {scope!r}; `freshet keys set` gives it",
            )


def authenticate(headers: Headers, ring: KeyRing, now: int) -> Caller:
    """The caller that the `Authorization` header proves; `now` in microseconds.

    Raises:
        ApiError: 401, the same for every reason but a missing header.
    """
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        metrics.counter(metrics.GATEWAY_KEYS).labels("missing").inc()
        raise ApiError(
            401,
            "missing_api_key",
            "give your API key as `Authorization: Bearer fk_..`; "
            "`freshet keys create --tenant NAME` makes one",
        )
    state, key = ring.look(text.strip(), now)
    metrics.counter(metrics.GATEWAY_KEYS).labels(state).inc()
    if key is None:
        raise ApiError(401, "invalid_api_key", "this API key is unknown, revoked or expired")
    return Caller(key.tenant, key.id, scopes_of(key))


def scopes_of(key: ApiKey) -> frozenset[Scope]:
    """What a key may do. Keys from before there were scopes may do what they always could."""
    given = frozenset(key.scopes)
    if given <= {ADMIN}:
        return USUAL | given
    return given | _OF_ADMIN if ADMIN in given else given
