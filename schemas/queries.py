"""`queries` and `queries.admitted`: a question, and the question once it passed admission."""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.common import (
    MAX_INT,
    MAX_QUESTION,
    GroupName,
    Id,
    IndexTime,
    KeyId,
    Name,
    Offset,
    Partition,
    Principal,
    Scalar,
    Versioned,
)
from schemas.control import Value, VariableName
from schemas.documents import MetadataKey
from schemas.times import Moment
from schemas.usage import Price


class WriteReceipt(Struct, frozen=True, kw_only=True):
    """Where a document event landed in the log: what `after` waits for."""

    topic: Annotated[str, Meta(max_length=249)]
    partition: Partition
    offset: Offset


FilterItem = Annotated[str, Meta(max_length=4096)] | Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
FilterValue = Scalar | Annotated[list[FilterItem], Meta(max_length=256)]


class Query(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question."""

    query_id: Id
    text: Annotated[str, Meta(min_length=1, max_length=MAX_QUESTION)]
    tenant: Principal
    session_id: Id | None = None
    user: Id | None = None
    """Who of the tenant's people asks: budgets may bound each of them."""
    key_id: KeyId | None = None
    """The id, no secret, of the API key that the question came with."""
    variables: Annotated[dict[VariableName, Value], Meta(max_length=64)] | None = None
    """Values for the prompt's variables; those that the prompt has none of say nothing."""
    top_k: Annotated[int, Meta(ge=1, le=50)] = 5
    filters: Annotated[dict[MetadataKey, FilterValue], Meta(max_length=16)] | None = None
    """Metadata a document must have: a value, or a list of which one must match."""
    max_tokens: Annotated[int, Meta(ge=1, le=4096)] = 256
    as_of: Moment | IndexTime | None = None
    """RFC 3339, or an index time: ask an earlier state of the index."""
    after: WriteReceipt | None = None
    """Wait, within a bound, until the index has applied this write."""
    max_staleness_ms: Annotated[int, Meta(ge=0, le=MAX_INT)] | None = None


class Reservation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tokens set aside for a question before it runs: no more may be used."""

    tokens: Annotated[int, Meta(ge=0, le=MAX_INT)]
    price: Price | None = None
    """What each of them costs; absent, nothing."""


class Plan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a question is answered: what its route came to when it was admitted."""

    route: Name
    branch: Name
    index_version: Name
    prompt: Versioned
    model: Versioned
    shadow_of: Id | None = None
    """The question whose answer is shown in place of this one's, which nobody sees."""
    groups: Annotated[list[GroupName], Meta(max_length=64)] = []
    """Those that its tenant belonged to: what they may find, the answer may rest on."""
    top_k: Annotated[int, Meta(ge=1, le=50)] | None = None
    """How many passages are read, in place of what the question asks for."""
    dense_weight: Annotated[float, Meta(ge=0, le=1)] | None = None
    """What meaning weighs, in place of what the index version says."""


class AdmittedQuery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that passed quota and guard."""

    query: Query
    reservation: Reservation
    admitted_at: IndexTime
    deadline: IndexTime
    """After this moment nobody waits for the answer any more."""
    plan: Plan | None = None
    """Absent from questions of older makes: they are answered as the built-in route says."""


class Cancellation(Struct, frozen=True, kw_only=True):
    """The caller hung up: stop answering `query_id`. `ce_type` tells it from a question."""

    query_id: Id
    tenant: Principal
