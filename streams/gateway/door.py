"""The door: who is let in, as which tenant, and how many of one tenant's at once."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request

from processors.control import Control
from processors.tenants import tenant_in
from schemas.control import Scope
from streams.gateway.auth import Caller, authenticate
from streams.gateway.errors import ApiError
from streams.gateway.keys import KeyRing

_SOON_S = 1.0


class Door:
    """What is in force counts at once: the next request finds it."""

    def __init__(self, control: Control, clock: Callable[[], int]) -> None:
        self._control = control
        self._keys = KeyRing(control)
        self._clock = clock
        self._in_hand: Counter[str] = Counter()
        """By tenant; one of which none is in hand takes no room."""

    @contextmanager
    def enter(self, request: Request, scope: Scope | None = None) -> Iterator[Caller]:
        """Let a request in, to be in hand until the end of the block.

        It is refused before anything of its body is read.

        Raises:
            ApiError: no key that proves anybody (401), a tenant that is suspended or a key without
                the scope (403), as many of its tenant's in hand as may be (429).
        """
        caller = self._caller(request)
        if scope is not None:
            caller.check(scope)
        most = caller.limits.in_hand
        if most is not None and self._in_hand[caller.tenant] >= most:
            raise ApiError(
                429,
                "too_many_in_hand",
                f"{most} requests of this tenant are in hand, as many as may be at once",
                retry_after_s=_SOON_S,
            )
        self._in_hand[caller.tenant] += 1
        try:
            yield caller
        finally:
            self._in_hand[caller.tenant] -= 1
            if not self._in_hand[caller.tenant]:
                del self._in_hand[caller.tenant]

    def _caller(self, request: Request) -> Caller:
        caller = authenticate(request.headers, self._keys, self._clock())
        tenant = tenant_in(self._control, caller.tenant)
        if tenant.suspended:
            raise ApiError(403, "tenant_suspended", "this tenant is suspended")
        return caller._replace(
            groups=frozenset(tenant.groups), prefix=tenant.prefix, limits=tenant.limits
        )
