"""`POST /v1/feedback`: what somebody says of an answer."""

from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka.errors import KafkaError
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse

from schemas.codec import encode
from schemas.envelope import Trace, headers
from schemas.feedback import Feedback
from schemas.topics import type_of
from streams.clients.kafka import LogClient, NoBroker
from streams.gateway.auth import Caller
from streams.gateway.body import read_json
from streams.gateway.door import Door
from streams.gateway.errors import invalid, log_unavailable
from streams.gateway.questions import SOURCE

MAX_BYTES = 256 * 1024


class GivenFeedback(Struct, frozen=True):
    """The body; the fields are those of `schemas.feedback.Feedback`."""

    query_id: Any
    rating: Any
    labels: Any = None
    comment: Any = None
    correction: Any = None
    reviewer: Any = None


class FeedbackBox:
    """Produces `feedback`."""

    def __init__(self, log: LogClient, door: Door, clock: Callable[[], int]) -> None:
        self._log = log
        self._door = door
        self._clock = clock

    async def post(self, request: Request) -> JSONResponse:
        """Take it: 202. Whether there is such an answer is found out where they are joined."""
        with self._door.enter(request, "feedback") as caller:
            return await self._take(request, caller)

    async def _take(self, request: Request, caller: Caller) -> JSONResponse:
        given = await read_json(request, GivenFeedback, MAX_BYTES)
        fields = {name: getattr(given, name) for name in given.__struct_fields__}
        try:
            feedback = msgspec.convert({**fields, "tenant": caller.tenant}, Feedback)
        except msgspec.ValidationError as error:
            place = str(error).partition(" - at `$.")[2].rstrip("`")
            raise invalid(str(error), place or None) from None
        trace = Trace.parse(request.headers.get("traceparent")) or Trace.new()
        name = headers(
            type_of(feedback), source=SOURCE, time=self._clock(), traceparent=str(trace.child())
        )
        try:
            await self._log.send("feedback", feedback.query_id, encode(feedback), name)
        except (KafkaError, NoBroker) as error:
            raise log_unavailable(error) from error
        return JSONResponse({"query_id": feedback.query_id}, status_code=202)
