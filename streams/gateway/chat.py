"""OpenAI's chat completions: what is asked, and how an answer is written down.

Pure: requests to `Query`, responses to plain data that is sent as JSON.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from processors.tenants import Beyond, bounded
from schemas.control import TenantLimits
from schemas.queries import Query
from schemas.responses import Response
from schemas.times import InvalidTime, parse_time
from streams.gateway.auth import Caller
from streams.gateway.errors import ApiError, invalid

MODEL = "freshet"
UNANSWERABLE = "The documents do not say."
"""What a caller who knows nothing of Freshet reads where there is no answer."""

_OBJECT = "chat.completion"
_CHUNK = "chat.completion.chunk"
_PARAMS = {"text": "messages", "max_tokens": "max_tokens", "user": "user"}
"""Fields of a query that have another name in the request; the others are under `freshet`."""


class Part(Struct, frozen=True):
    """A part of a message's content."""

    type: str
    text: str | None = None


class Message(Struct, frozen=True):
    """One turn of the conversation."""

    role: str
    content: str | list[Part] | None = None


class StreamOptions(Struct, frozen=True):
    """How a stream ends."""

    include_usage: bool = False


class Options(Struct, frozen=True):
    """The field `freshet` of a request; each is a field of `schemas.queries.Query`."""

    as_of: Any = None
    after: Any = None
    max_staleness_ms: Any = None
    top_k: Any = None
    filters: Any = None
    session_id: Any = None
    variables: Any = None


class ChatRequest(Struct, frozen=True):
    """As much of OpenAI's request as has a meaning here; other fields are left out."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    model: str = MODEL
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    n: int | None = None
    user: str | None = None
    freshet: Options | None = None

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with a chunk that counts tokens."""
        return self.stream_options is not None and self.stream_options.include_usage


def query_of(request: ChatRequest, query_id: str, caller: Caller) -> Query:
    """The question in a request: its last user message, and who asks it.

    Raises:
        ApiError: an unknown model (404), or no question, or one out of bounds (400).
    """
    if request.model != MODEL:
        raise no_such_model(request.model)
    if request.n not in (None, 1):
        raise invalid("one answer at a time: n must be 1", "n")
    options = request.freshet or Options()
    newer, older = request.max_completion_tokens, request.max_tokens
    given = {
        "as_of": options.as_of,
        "after": options.after,
        "max_staleness_ms": options.max_staleness_ms,
        "top_k": options.top_k,
        "filters": options.filters,
        "variables": options.variables,
        "user": request.user or None,
        "session_id": options.session_id or request.user or None,
        "max_tokens": older if newer is None else newer,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    who = {"query_id": query_id, "tenant": caller.tenant, "key_id": caller.key_id}
    return _query({**who, "text": _question(request), **fields})


def check_limits(query: Query, limits: TenantLimits, now: int) -> None:
    """Raise ApiError (400) where a question asks for more than its tenant may have.

    What it leaves open is lowered when it is admitted.
    """
    try:
        bounded(query, limits, now)
    except Beyond as error:
        param = _PARAMS.get(error.field, f"freshet.{error.field}")
        raise ApiError(400, "beyond_tenant_limit", error.message, param=param) from None


def no_such_model(name: str) -> ApiError:
    """What OpenAI answers where there is no model of a name."""
    message = f"the model {name[:128]!r} does not exist; there is {MODEL!r}"
    return ApiError(404, "model_not_found", message, param="model")


def _query(fields: Mapping[str, Any]) -> Query:
    try:
        query = msgspec.convert(fields, Query)
    except msgspec.ValidationError as error:
        raise _renamed(str(error)) from None
    if isinstance(query.as_of, str):
        try:
            parse_time(query.as_of)
        except InvalidTime as error:
            raise invalid(str(error), "freshet.as_of") from None
    return query


def _renamed(message: str) -> ApiError:
    """The error about a field of the query as one about the request."""
    what, _, place = message.partition(" - at `")
    field = place.rpartition("$.")[2].rstrip("`")  # of a key that is wrong: `key` in `$.field`
    name = field.split(".")[0].split("[")[0]
    param = _PARAMS.get(name, f"freshet.{field}")
    return invalid(f"{param}: {what}", param)


def _question(request: ChatRequest) -> str:
    asked = next((m for m in reversed(request.messages) if m.role == "user"), None)
    if asked is None:
        raise invalid("there is no message of role `user` that could be answered", "messages")
    if isinstance(asked.content, str) or asked.content is None:
        text = asked.content or ""
    else:
        text = "\n".join(map(_text_of, asked.content))
    if not text.strip():
        raise invalid("the last message of role `user` is blank", "messages")
    return text


def _text_of(part: Part) -> str:
    if part.type != "text" or part.text is None:
        raise invalid(f"parts of type {part.type[:32]!r} cannot be read: only text", "messages")
    return part.text


class Writer:
    """Writes one answer down, as a completion or as the chunks of a stream."""

    def __init__(self, query: Query, created: int, *, includes_usage: bool = False) -> None:
        """`created` in seconds since the epoch."""
        self._query = query
        self._created = created
        self._includes_usage = includes_usage

    def completion(self, response: Response, details: Mapping[str, Any]) -> dict[str, Any]:
        """The whole answer."""
        message = {"role": "assistant", "content": content_of(response), "refusal": None}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": self._reason(response),
        }
        return {
            **self._head(_OBJECT),
            "choices": [choice],
            "usage": usage_of(response),
            "freshet": details,
        }

    def first(self) -> dict[str, Any]:
        """The chunk that a stream begins with."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> dict[str, Any]:
        """A chunk with a piece of the answer."""
        return self._chunk({"content": text})

    def last(self, response: Response, details: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The chunks that a stream ends with."""
        end = self._chunk({}, self._reason(response)) | {"freshet": details}
        if not self._includes_usage:
            return [end]
        return [end, {**self._head(_CHUNK), "choices": [], "usage": usage_of(response)}]

    def _reason(self, response: Response) -> str:
        full = response.usage.output_tokens >= self._query.max_tokens
        return "length" if full else response.finish

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**self._head(_CHUNK), "choices": [choice]}
        return chunk | {"usage": None} if self._includes_usage else chunk

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._query.query_id}",
            "object": kind,
            "created": self._created,
            "model": MODEL,
            "system_fingerprint": None,
        }


def content_of(response: Response) -> str:
    """The answer; a plain sentence where the documents do not say."""
    return response.answer if response.status == "answered" else UNANSWERABLE


def usage_of(response: Response) -> dict[str, int]:
    """Tokens, under OpenAI's names."""
    read, written = response.usage.input_tokens, response.usage.output_tokens
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def details_of(response: Response, timings_ms: Mapping[str, float]) -> dict[str, Any]:
    """The field `freshet` of an answer; `timings_ms` are the gateway's own."""
    plain = msgspec.to_builtins(response)
    details = {
        "query_id": response.query_id,
        "status": response.status,
        "citations": plain["citations"],
        "receipt": plain["receipt"],
        "timings_ms": {**response.timings_ms, **timings_ms},
    }
    return details | ({"error": plain["error"]} if response.error is not None else {})


def models(created: int) -> list[dict[str, Any]]:
    """What `GET /v1/models` lists."""
    return [{"id": MODEL, "object": "model", "created": created, "owned_by": "freshet"}]
