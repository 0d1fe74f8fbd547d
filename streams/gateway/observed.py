"""Around every request: counted, timed, and ended quietly where its caller hung up."""

import time

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitoring import metrics
from streams.gateway.errors import CLIENT_CLOSED_REQUEST
from streams.gateway.hangup import HungUp

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Observed:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except (HungUp, ClientDisconnect):
            status = CLIENT_CLOSED_REQUEST
        finally:
            _count(scope, status, time.monotonic() - began)


def _count(scope: Scope, status: int, took_s: float) -> None:
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    metrics.counter(metrics.GATEWAY_REQUESTS).labels(route, method, str(status)).inc()
    metrics.histogram(metrics.GATEWAY_DURATION).labels(route).observe(took_s)
