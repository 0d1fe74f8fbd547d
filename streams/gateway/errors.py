"""Errors as a caller sees them: OpenAI's shape, and a status that says whether to try again.

{"error": {"message": .., "type": .., "param": .., "code": ..}, "freshet": {..}?}
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from schemas.responses import Error, ErrorType, ExceededLimit, Response
from schemas.usage import Unit
from streams.gateway.ratelimits import Room, rate_limit_headers

CLIENT_CLOSED_REQUEST = 499
"""What nginx calls a request whose caller is gone; nobody is there to read it."""

_STATUS: Mapping[ErrorType, int] = {
    "invalid_query": 400,
    "as_of_in_future": 400,
    "as_of_beyond_horizon": 400,
    "quota_exceeded": 429,
    "cancelled": CLIENT_CLOSED_REQUEST,
    "internal": 500,
    "model_unavailable": 503,
    "index_unavailable": 503,
    "stale": 504,
    "after_timeout": 504,
    "deadline_exceeded": 504,
}
_PARAM: Mapping[ErrorType, str] = {
    "as_of_in_future": "freshet.as_of",
    "as_of_beyond_horizon": "freshet.as_of",
    "stale": "freshet.max_staleness_ms",
    "after_timeout": "freshet.after",
}
_CODE = {"rate": "rate_limit_exceeded", "quota": "insufficient_quota"}
"""OpenAI's two: wait a little, or have the budget raised."""
_RATE_TYPE: Mapping[Unit, str] = {"tokens": "tokens", "nanousd": "tokens"}
"""What OpenAI calls a rate by; any other is of requests."""
_RETRY_AFTER_S = {429: 10.0, 503: 2.0}
_WORTH_WAITING_S = 60.0
"""A client that tries again by itself waits so long at most; its caller is better told at once."""


class ApiError(Exception):
    """A request that ends in an error; `code` is for programs, the message for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        details: Mapping[str, Any] | None = None,
        limit: ExceededLimit | None = None,
        rooms: Sequence[Room] = (),
    ) -> None:
        """`limit` is what a 429 is about: with one, nothing is made up of when to come again.

        `rooms` are the other bounds of the caller.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.details = details
        self.limit = limit
        self.rooms = rooms
        usual = _RETRY_AFTER_S.get(status) if limit is None else limit.reset_s
        self.retry_after_s = retry_after_s or usual

    @property
    def body(self) -> dict[str, Any]:
        """What the response says."""
        error = {
            "message": self.message,
            "type": _type(self.status, self.limit),
            "param": self.param,
            "code": self.code,
        }
        return {"error": error} | ({"freshet": dict(self.details)} if self.details else {})

    @property
    def headers(self) -> dict[str, str]:
        """What a caller's client goes by when it decides whether to try again."""
        wait_s = self.retry_after_s
        worth_it = wait_s is not None and wait_s <= _WORTH_WAITING_S
        found = {"x-should-retry": "true" if worth_it else "false"}
        if wait_s is not None:
            found["Retry-After"] = str(max(1, ceil(wait_s)))
        if self.limit is not None:
            found |= rate_limit_headers([Room.of(self.limit), *self.rooms])
        if self.status == HTTPStatus.UNAUTHORIZED:
            found["WWW-Authenticate"] = 'Bearer realm="freshet"'
        return found


def invalid(message: str, param: str | None = None) -> ApiError:
    """A request that makes no sense as it stands."""
    return ApiError(400, "invalid_request", message, param=param)


def too_large(limit: int) -> ApiError:
    """A body beyond its bound."""
    return ApiError(413, "request_too_large", f"the body has more than {limit} bytes")


def log_unavailable(error: Exception) -> ApiError:
    """Kafka did not take a record."""
    return ApiError(503, "log_unavailable", f"the log does not take events now: {error}")


def of_response(
    response: Response, details: Mapping[str, Any], rooms: Sequence[Room] = ()
) -> ApiError:
    """The error in a response that is neither an answer nor `unanswerable`."""
    error = response.error or _unexplained(response)
    return ApiError(
        _STATUS.get(error.type, 500),
        _CODE[error.limit.kind] if error.limit is not None else error.type,
        error.message,
        param=_PARAM.get(error.type),
        retry_after_s=error.retry_after_s,
        details=details,
        limit=error.limit,
        rooms=rooms,
    )


def _unexplained(response: Response) -> Error:
    """What stands for the error where a response gives none."""
    kind: ErrorType = {
        "refused": "invalid_query",
        "quota_exceeded": "quota_exceeded",
    }.get(response.status, "internal")  # type: ignore[assignment]
    return Error(type=kind, message=f"the question was not answered: {response.status}")


def _type(status: int, limit: ExceededLimit | None) -> str:
    if limit is not None:
        rate = _RATE_TYPE.get(limit.unit, "requests")
        return _CODE["quota"] if limit.kind == "quota" else rate
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
