"""The gateway put together: routes, what they share, and its life."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitoring import metrics
from processors.builtin import built_in
from streams.clients.kafka import LogClient
from streams.config import Settings
from streams.gateway.allowances import Allowances
from streams.gateway.documents import Documents
from streams.gateway.door import Door
from streams.gateway.errors import ApiError
from streams.gateway.feedback import FeedbackBox
from streams.gateway.observed import Observed
from streams.gateway.openai import Completions, Models
from streams.gateway.questions import Questions
from streams.gateway.statuses import Statuses
from streams.views.control import ControlView
from streams.views.follower import Follower
from streams.views.status import StatusView

log = logging.getLogger(__name__)

SLACK_S = 5.0
"""Beyond the answerer's own deadline: what a response may take on its way."""
_READY_S = 2.0

Clock = Callable[[], int]


class Gateway:
    """What the routes share. `log_client` is started and stopped by who made it."""

    def __init__(
        self,
        settings: Settings,
        log_client: LogClient,
        clock: Clock,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        """`failed` is called when a topic can be followed no longer."""
        self._settings = settings
        self._log = log_client
        self._failed = failed
        self.control = ControlView(log_client, built_in(settings.triton.reader))
        control = self.control.control
        self.door = Door(control, clock)
        limits = settings.limits
        self.questions = Questions(log_client, clock, limits.answer_deadline_s + SLACK_S)
        self.statuses = Statuses(log_client, self._open_view)
        self.documents = Documents(
            log_client,
            self.statuses,
            self.door,
            control,
            clock,
            max_body_bytes=settings.gateway.max_body_bytes,
            wait_s=limits.after_timeout_s,
        )
        self.feedback = FeedbackBox(log_client, self.door, clock)
        self.allowances = Allowances(log_client, self.control, clock)
        self.completions = Completions(self.questions, self.door, self.allowances, clock)
        self.models = Models(self.door)

    @asynccontextmanager
    async def running(self, _app: Starlette) -> AsyncIterator[None]:
        """From before the first request to after the last: everything caught up and followed."""
        await self.control.start(self._failed)
        await self.allowances.start(self._failed)
        await self.statuses.start(self._failed)
        await self.questions.start(self._failed)
        metrics.begin(metrics.GATEWAY)
        self.allowances.measure()
        waiting = metrics.gauge(metrics.GATEWAY_WAITING)
        waiting.set_function(lambda: self.questions.waiters.count)
        try:
            yield
        finally:
            await self.control.stop()
            await self.allowances.stop()
            await self.questions.follower.stop()
            await self.statuses.stop()

    def check(self) -> None:
        """Raise what ended the following of a topic, if anything did."""
        for follower in self._followers():
            follower.check()

    async def ready(self, _request: Request) -> PlainTextResponse:
        """Whether Kafka answers and its topics are followed."""
        try:
            async with asyncio.timeout(_READY_S):
                await self._log.ends("queries")
        except Exception as error:
            log.warning("not ready: %r", error)
            return PlainTextResponse("the log does not answer\n", 503)
        if not all(follower.works for follower in self._followers()):
            return PlainTextResponse("a topic is followed no longer\n", 503)
        return PlainTextResponse("ready\n")

    def _followers(self) -> tuple[Follower, ...]:
        return (
            self.control.follower,
            self.allowances.follower,
            self.questions.follower,
            self.statuses.follower,
        )

    def _open_view(self, partitions: int) -> StatusView:
        version = self._settings.index_version
        path = self._settings.state_dir / "gateway" / f"{version}.sqlite"
        return StatusView(path, version, partitions)


def create_app(gateway: Gateway) -> Starlette:
    """The ASGI application of a gateway."""
    documents = "/v1/documents/{doc_id:path}"
    return Starlette(
        routes=[
            Route("/v1/chat/completions", gateway.completions, methods=["POST"]),
            Route("/v1/models", gateway.models.all),
            Route("/v1/models/{model:path}", gateway.models.one),
            Route(documents, gateway.documents.put, methods=["PUT"]),
            Route(documents, gateway.documents.delete, methods=["DELETE"]),
            Route(documents, gateway.documents.get),
            Route("/v1/feedback", gateway.feedback.post, methods=["POST"]),
            Route("/healthz", _healthy),
            Route("/readyz", gateway.ready),
            Route("/metrics", _metrics),
        ],
        middleware=[Middleware(Observed)],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _http_error,
            Exception: _unexpected,
        },
        lifespan=gateway.running,
    )


async def _healthy(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("alive\n")


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})


async def _api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    metrics.counter(metrics.GATEWAY_REFUSED).labels(error.code).inc()
    return JSONResponse(error.body, error.status, error.headers)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """What the router refuses: an unknown path, or a method that a path does not have."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    refused = ApiError(error.status_code, code, f"{request.method} {request.url.path[:256]}")
    response = await _api_error(request, refused)
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, _error: Exception) -> JSONResponse:
    message = "an unexpected error; the gateway's log has it"
    return await _api_error(request, ApiError(500, "internal", message))
