"""`/v1/chat/completions` and `/v1/models`, as OpenAI's clients know them."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse
from starlette.types import Receive, Scope, Send

from monitoring import metrics
from schemas.envelope import Trace
from schemas.queries import Query
from schemas.responses import Response
from streams.gateway.allowances import Allowances
from streams.gateway.auth import Caller
from streams.gateway.body import read_json
from streams.gateway.chat import (
    MODEL,
    ChatRequest,
    Writer,
    check_limits,
    content_of,
    details_of,
    models,
    no_such_model,
    query_of,
)
from streams.gateway.door import Door
from streams.gateway.errors import ApiError, invalid, of_response
from streams.gateway.hangup import unless_hung_up
from streams.gateway.questions import Questions, query_id_of
from streams.gateway.ratelimits import Room, rate_limit_headers
from streams.gateway.waiters import Awaited, Diverged

MAX_CHAT_BYTES = 1024 * 1024
"""Of a request: only its last question is read, and that is at most 16 KiB."""
MAX_KEY_CHARACTERS = 255

_EVENT_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_DONE = b"data: [DONE]\n\n"


class Completions:
    """The ASGI application behind `POST /v1/chat/completions`."""

    def __init__(
        self,
        questions: Questions,
        door: Door,
        allowances: Allowances,
        clock: Callable[[], int],
    ) -> None:
        self._questions = questions
        self._door = door
        self._allowances = allowances
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises ApiError before anything was sent, HungUp at any time."""
        request = Request(scope, receive)
        with self._door.enter(request, "ask") as caller:
            call = await self._read(request, caller)
            streamed = call.chat.stream
            work = self._stream(call, send) if streamed else self._whole(call, request, send)
            await unless_hung_up(receive, work)

    async def _read(self, request: Request, caller: Caller) -> "_Call":
        began = time.monotonic()
        key = idempotency_key(request)
        chat = await read_json(request, ChatRequest, MAX_CHAT_BYTES)
        query = query_of(chat, query_id_of(caller.tenant, key), caller)
        check_limits(query, caller.limits, self._clock())
        trace = Trace.parse(request.headers.get("traceparent")) or Trace.new()
        rooms = partial(self._allowances.rooms, query)
        return _Call(chat, query, trace, rooms, began, may_come_back=key is not None)

    async def _whole(self, call: "_Call", request: Request, send: Send) -> None:
        async with self._asked(call) as awaited:
            response = await awaited.final()
        body = call.writer.completion(response, _checked(response, call))
        headers = rate_limit_headers(call.rooms())
        await JSONResponse(body, headers=headers)(request.scope, request.receive, send)

    async def _stream(self, call: "_Call", send: Send) -> None:
        begun = False

        async def put(chunk: bytes, *, more: bool = True) -> None:
            nonlocal begun
            if not begun:
                begun = True
                headers = _EVENT_STREAM + _raw(rate_limit_headers(call.rooms()))
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

        try:
            async with self._asked(call) as awaited, aclosing(_chunks(awaited, call)) as chunks:
                async for chunk in chunks:
                    await put(_event(chunk))
        except ApiError as error:
            if not begun:
                raise
            metrics.counter(metrics.GATEWAY_REFUSED).labels(error.code).inc()
            await put(_event(error.body), more=False)
        else:
            await put(_DONE, more=False)

    def _asked(self, call: "_Call") -> AbstractAsyncContextManager[Awaited]:
        return self._questions.ask(call.query, call.trace, may_come_back=call.may_come_back)


class _Call:
    """One request, read."""

    def __init__(
        self,
        chat: ChatRequest,
        query: Query,
        trace: Trace,
        rooms: Callable[[], list[Room]],
        began: float,
        *,
        may_come_back: bool,
    ) -> None:
        self.chat = chat
        self.query = query
        self.trace = trace
        self.rooms = rooms
        """What is left of its bounds, now."""
        self.may_come_back = may_come_back
        self.began = began
        self.writer = Writer(query, int(time.time()), includes_usage=chat.includes_usage)

    def elapsed_s(self) -> float:
        return time.monotonic() - self.began


def idempotency_key(request: Request) -> str | None:
    """The header `Idempotency-Key`. Raises ApiError where it is empty or too long."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise invalid(f"Idempotency-Key: 1 to {MAX_KEY_CHARACTERS} characters", "Idempotency-Key")
    return key


async def _chunks(awaited: Awaited, call: _Call) -> AsyncGenerator[dict[str, Any], None]:
    """The chunks of a streamed answer; the first comes when there is something to say.

    Raises:
        ApiError: there is no answer, or it cannot go on as it began.
    """
    writer, begun = call.writer, False
    try:
        async for text in awaited.pieces():
            if not begun:
                metrics.histogram(metrics.GATEWAY_FIRST_PIECE).observe(call.elapsed_s())
                begun = True
                yield writer.first()
            yield writer.piece(text)
    except Diverged:
        message = "the answer was begun anew and goes differently; ask again"
        details = {"query_id": call.query.query_id}
        raise ApiError(500, "answer_restarted", message, details=details) from None
    response = await awaited.final()
    details = _checked(response, call)
    if not begun:
        yield writer.first()
        yield writer.piece(content_of(response))
    for chunk in writer.last(response, details):
        yield chunk


def _checked(response: Response, call: _Call) -> dict[str, Any]:
    """The details of an answer; raises the ApiError of a response that is none."""
    details = details_of(response, {"gateway": call.elapsed_s() * 1000})
    if response.status not in ("answered", "unanswerable"):
        raise of_response(response, details, call.rooms())
    return details


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


class Models:
    """`GET /v1/models` and `GET /v1/models/{model}`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._models = models(int(time.time()))

    async def all(self, request: Request) -> HttpResponse:
        """The names that the field `model` takes."""
        with self._door.enter(request):
            return JSONResponse({"object": "list", "data": self._models})

    async def one(self, request: Request) -> HttpResponse:
        """One of them, by name."""
        with self._door.enter(request):
            name = request.path_params["model"]
            if name != MODEL:
                raise no_such_model(name)
            return JSONResponse(self._models[0])
