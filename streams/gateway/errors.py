"""Errors as a caller sees them: OpenAI's shape, and a status that says whether to try again.

{"error": {"message": .., "type": .., "param": .., "code": ..}, "freshet": {..}?}
"""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from schemas.responses import Error, ErrorType, Response

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
_RETRY_AFTER_S = {429: 10.0, 503: 2.0}


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
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s or _RETRY_AFTER_S.get(status)
        self.details = details

    @property
    def body(self) -> dict[str, Any]:
        """What the response says."""
        error = {
            "message": self.message,
            "type": _type(self.status),
            "param": self.param,
            "code": self.code,
        }
        return {"error": error} | ({"freshet": dict(self.details)} if self.details else {})

    @property
    def headers(self) -> dict[str, str]:
        """What a caller's client goes by when it decides whether to try again."""
        found = {"x-should-retry": "true" if self.retry_after_s is not None else "false"}
        if self.retry_after_s is not None:
            found["Retry-After"] = str(max(1, ceil(self.retry_after_s)))
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


def of_response(response: Response, details: Mapping[str, Any]) -> ApiError:
    """The error in a response that is neither an answer nor `unanswerable`."""
    error = response.error or _unexplained(response)
    return ApiError(
        _STATUS.get(error.type, 500),
        error.type,
        error.message,
        param=_PARAM.get(error.type),
        retry_after_s=error.retry_after_s,
        details=details,
    )


def _unexplained(response: Response) -> Error:
    """What stands for the error where a response gives none."""
    kind: ErrorType = {
        "refused": "invalid_query",
        "quota_exceeded": "quota_exceeded",
    }.get(response.status, "internal")  # type: ignore[assignment]
    return Error(type=kind, message=f"the question was not answered: {response.status}")


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
