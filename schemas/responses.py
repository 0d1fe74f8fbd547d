"""`responses` and `response.deltas`: an answer, and its pieces while it is written."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import MAX_INT, Id, IndexTime, Offset, Principal
from schemas.usage import Unit

Status = Literal["answered", "unanswerable", "refused", "quota_exceeded", "failed"]

ErrorType = Literal[
    "invalid_query",
    "as_of_in_future",
    "as_of_beyond_horizon",
    "stale",
    "after_timeout",
    "deadline_exceeded",
    "cancelled",
    "model_unavailable",
    "index_unavailable",
    "quota_exceeded",
    "internal",
]


Finish = Literal["stop", "length"]


class Citation(Struct, frozen=True, kw_only=True):
    """Where a part of the answer stands: `quote` is exactly the source's text[start:end]."""

    doc_id: Id
    passage_id: str
    start: Annotated[int, Meta(ge=0)]
    end: Annotated[int, Meta(ge=0)]
    quote: str
    score: float
    marker: int
    """The number in square brackets that stands in the answer."""


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens, as the model server counted them."""

    input_tokens: Annotated[int, Meta(ge=0)] = 0
    output_tokens: Annotated[int, Meta(ge=0)] = 0


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was known when the answer was given: enough to repeat the retrieval exactly."""

    index_version: str
    as_of: IndexTime
    applied: dict[str, Offset]
    """`topic/partition` to the last offset that the index shows at `as_of`."""
    staleness_ms: float
    prompt: str
    model: str
    embedder: str
    route: str
    lexical: dict[str, float]
    """Terms of the question with the weights then in force."""
    passages: list[str]
    """`passage_id@version`, in the order in which the prompt has them."""
    groups: list[str] = []
    """Those of the tenant that it was searched for, besides the tenant's own documents."""
    dense_weight: float | None = None
    """What meaning weighed in the ranking, where that is not as the index version has it."""


class ExceededLimit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The bound that a request did not fit."""

    name: Annotated[str, Meta(max_length=192)]
    kind: Literal["rate", "quota"]
    """`rate`: of an hour at most, or of requests under way; waiting helps. `quota`: a budget of
    a day and more is used up."""
    unit: Unit
    limit: Annotated[int, Meta(ge=0, le=MAX_INT)]
    remaining: Annotated[int, Meta(ge=0, le=MAX_INT)]
    reset_s: Annotated[float, Meta(ge=0)] | None = None
    """Seconds until as much is free as the request needs, should nobody else take it; absent
    where it asks for more than the bound ever gives."""


class Error(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why there is no answer, for a program and for a person."""

    type: ErrorType
    message: str
    retry_after_s: float | None = None
    limit: ExceededLimit | None = None
    """Which bound it was, of a `quota_exceeded`."""


class Response(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one final record for a question."""

    query_id: Id
    tenant: Principal
    status: Status
    answer: str
    citations: list[Citation]
    usage: Usage
    receipt: Receipt | None
    """Absent only when the question never reached the index."""
    timings_ms: dict[str, float]
    error: Error | None = None
    finish: Finish = "stop"
    """`length`: the answer was cut where its tokens ended."""
    shadow_of: Id | None = None
    """The question whose answer was shown in place of this one, which nobody has seen."""
    route: str | None = None
    """`route/branch`, or the route alone where its branch has its name; absent where no way was
    chosen. Answers and failures alike have it."""


class ResponseDelta(Struct, frozen=True, kw_only=True):
    """A piece of an answer. Pieces of one attempt count up from 0; a new attempt restarts."""

    query_id: Id
    attempt: str
    index: Annotated[int, Meta(ge=0)]
    text: str
