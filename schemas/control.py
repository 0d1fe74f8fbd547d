"""`control`: what operators decide, and every worker follows while it runs.

A change says who made it and why. It counts only where the one in force under its key has
`revision - 1`; of two with one revision the first in the log counts, and the other's author has
to look again. Nothing is deleted, only marked `removed`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import (
    MAX_INT,
    MAX_QUESTION,
    AliasName,
    EnvironmentName,
    GroupName,
    Id,
    IndexTime,
    KeyId,
    Label,
    Name,
    Offset,
    Principal,
    Reference,
    Scalar,
    TenantName,
    Versioned,
)
from schemas.usage import Priority, WindowName

Ratio = Annotated[float, Meta(ge=0, le=1)]
Limit = Annotated[int, Meta(ge=0, le=MAX_INT)]
ModelName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}(@[0-9]{1,18})?$(?!\n)",
        description="All versions of a model, `reader`, or one, `reader@1`.",
    ),
]
Spec = Annotated[dict[Annotated[str, Meta(max_length=64)], Scalar], Meta(max_length=64)]
"""A processor's settings, by name."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every control event says of itself."""

    revision: Annotated[int, Meta(ge=1, le=MAX_INT)]
    by: Annotated[str, Meta(min_length=1, max_length=256)]
    why: Annotated[str, Meta(max_length=1024)]
    at: IndexTime
    removed: bool = False
    """From here on it is as if it had never been set."""


MAX_VALUE = 4096

VariableName = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$(?!\n)")]
Value = Annotated[str, Meta(max_length=MAX_VALUE)]
Length = Annotated[int, Meta(ge=1, le=1024 * 1024)]
"""Characters."""


class Variable(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands in a prompt's text in place of `{{name}}`."""

    name: VariableName
    default: Value | None = None
    """Where a question brings no value."""
    max_length: Length | None = None
    """Of its value, as it stands in the prompt. A question with a longer one is refused; of the
    passages the last are left out instead."""


TagKey = Annotated[str, Meta(min_length=1, max_length=128)]
Wording = Annotated[str, Meta(min_length=1, max_length=MAX_VALUE)]


class PromptChecks(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a prompt has to keep to; one that does not is refused."""

    max_length: Length | None = None
    """Of the longest prompt that can come of it, whatever is asked and found."""
    contains: Annotated[list[Wording], Meta(max_length=64)] = []
    """Texts that stand in its template."""
    lacks: Annotated[list[Wording], Meta(max_length=64)] = []
    """Texts that do not, in capitals or not."""


class PromptVersion(Change, frozen=True, kw_only=True, omit_defaults=True, tag="prompt"):
    """A prompt's text. A version never changes; another text is another version."""

    name: Name
    version: Annotated[int, Meta(ge=1, le=MAX_INT)]
    template: Annotated[str, Meta(min_length=1, max_length=65536)]
    """`{{passages}}` and `{{question}}` stand in it, and other variables that it declares."""
    variables: Annotated[list[Variable], Meta(max_length=64)] = []
    checks: PromptChecks | None = None
    parameters: Spec = {}
    """How the model is sampled with it."""
    tags: Annotated[dict[TagKey, Value], Meta(max_length=64)] = {}
    """For people and other registries; nothing here looks at them."""


MAX_BEFORE = 16


class Alias(Change, frozen=True, kw_only=True, omit_defaults=True, tag="alias"):
    """A name that stands for a version: `answer@production` for `answer@3`."""

    name: AliasName
    of: Literal["prompt", "model"]
    target: Versioned
    before: Annotated[list[Versioned], Meta(max_length=MAX_BEFORE)] = []
    """What it stood for earlier, the latest first: where a rollback goes."""


RouteName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$(?!\n)",
        description="A route's or a branch's: receipts put a slash between the two.",
    ),
]
EVERYBODY = "default"
"""The route of all tenants that no other route names."""
_ROUNDING = 1e-6


class Branch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to answer. Prompt and model are versions, or aliases that stand for one."""

    name: RouteName
    index_version: Name
    prompt: Reference
    model: Reference
    """The name of a model in Triton, and the version of it that is loaded."""
    share: Ratio = 1.0
    """Of the questions. Shares of a route that are no shadows sum to 1."""
    shadow: bool = False
    """Answers its share of the questions a second time, without anybody seeing it: to compare."""
    top_k: Annotated[int, Meta(ge=1, le=50)] | None = None
    """How many passages are read, whatever the question asks for."""
    dense_weight: Ratio | None = None
    """What meaning weighs when passages are ranked, words the rest; absent, as the index version
    has it."""


class Route(Change, frozen=True, kw_only=True, omit_defaults=True, tag="route"):
    """How the questions of some tenants are answered: by one of its branches each.

    The first branch is what the others are compared with, and stands in for one that cannot be
    used. One at least is no shadow, and no two have one name.
    """

    name: RouteName
    branches: Annotated[list[Branch], Meta(min_length=1, max_length=16)]
    tenants: Annotated[list[Principal], Meta(max_length=1024)] = []
    """Whose questions. Of the route `default` empty: it is everybody's whom no other names."""

    def __post_init__(self) -> None:
        """Raise ValueError for what makes no sense whatever else is in force."""
        names = [branch.name for branch in self.branches]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two branches are called {', '.join(sorted(twice))}")
        if self.branches and self.branches[0].shadow:
            raise ValueError("the first branch is what the others are compared with: no shadow")
        shares = sum(branch.share for branch in self.branches if not branch.shadow)
        if abs(shares - 1) > _ROUNDING:
            raise ValueError(f"the shares of its branches that are no shadows sum to {shares:g}")
        if self.name == EVERYBODY and self.tenants:
            raise ValueError(f"the route {EVERYBODY!r} is everybody's: it names no tenants")


class Quota(Change, frozen=True, kw_only=True, omit_defaults=True, tag="quota"):
    """What a tenant may use. A bound that is absent does not bind."""

    tenant: Principal
    tokens_per_minute: Limit | None = None
    tokens_per_day: Limit | None = None
    requests_per_minute: Limit | None = None
    concurrent: Limit | None = None


Whose = Literal["tenant", "key", "user"]


class Budget(Change, frozen=True, kw_only=True, omit_defaults=True, tag="budget"):
    """What may be used by all the requests that agree with each field of whom that is given.

    Nothing is carried over where the limit, the window or the burst changes: what was used counts
    against the new ones.
    """

    name: Name
    tenant: Principal | None = None
    key_id: KeyId | None = None
    user: Id | None = None
    model: ModelName | None = None
    route: Name | None = None
    each: Whose | None = None
    """A limit of that size apart for every tenant, every key or every user of a tenant."""
    unit: Literal["tokens", "usd", "requests", "concurrent"]
    limit: Annotated[float, Meta(ge=0, le=1e12)]
    window: WindowName = "day"
    """A month that rolls has 30 days. `concurrent` has no window."""
    calendar: bool = False
    """The window begins with the minute, hour, day, Monday or month (UTC); else it rolls."""
    burst: Annotated[float, Meta(ge=0, le=1e12)] | None = None
    """A bucket of so many, refilled by `limit` a window continuously, in place of the window."""
    kept: Annotated[dict[Literal["normal", "high"], Ratio], Meta(max_length=2)] = {}
    """The share of the limit that only requests of this priority, or above it, may fill."""
    pool: Name | None = None
    """The shared budget that a request is charged to, as a whole, where this one is too full."""
    shared: bool = False
    """A pool: of itself it bounds nobody."""
    shadow: bool = False
    """Never refuses: what it would have refused is only counted."""


class TenantLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much one request, and all that a tenant keeps, may come to. What is absent is bounded by
    what bounds everybody."""

    question_characters: Annotated[int, Meta(ge=1, le=MAX_QUESTION)] | None = None
    top_k: Annotated[int, Meta(ge=1, le=50)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=4096)] | None = None
    past_s: Limit | None = None
    """How far back `as_of` may reach; with 0 only the present can be asked."""
    document_bytes: Annotated[int, Meta(ge=1, le=MAX_INT)] | None = None
    """Of a document's text in UTF-8."""
    documents: Limit | None = None
    """Whose `acl` names the tenant itself, through the gateway."""
    in_hand: Annotated[int, Meta(ge=1, le=MAX_INT)] | None = None
    """Requests at once, at each gateway."""


class Tenant(Change, frozen=True, kw_only=True, omit_defaults=True, tag="tenant"):
    """Who asks and keeps documents. One without an event has no groups and the usual limits."""

    name: TenantName
    groups: Annotated[list[GroupName], Meta(max_length=64)] = []
    """A document whose `acl` names one of them is found by this tenant, from the next question
    on."""
    priority: Priority = "normal"
    """Of its requests, where they compete with others'."""
    suspended: bool = False
    """Nothing is answered and nothing is written; what it keeps stays as it is."""
    prefix: Id | None = None
    """Of the ids of its documents: it may write no others, and nobody else may write these."""
    limits: TenantLimits = TenantLimits()


class IndexVersion(Change, frozen=True, kw_only=True, omit_defaults=True, tag="index"):
    """All that decides which rows a document becomes and how they rank: another spec is another
    index, under another name."""

    name: Name
    state: Literal["building", "serving", "retired"]
    """`serving` once it has caught up with the log; `retired` for good."""
    embedder: Versioned
    dimensions: Annotated[int, Meta(ge=2, le=32_768)] = 384
    """Of the embedder's vectors."""
    chunk: Spec
    """How documents are cut: lengths, and what stands in front of a unit when it is embedded."""
    lexical: Spec
    """How passages are weighed: `k1`, `b` and `average_length`."""
    fusion: Spec
    """How the two lists become one: the weights, and how long each list is."""
    complete_from: IndexTime | None = None
    """The index time from which it shows all that was in the log before it was built; None while
    it is being built."""
    as_of: IndexTime | None = None
    """It stands still at this index time: it shows the documents as they were then, for good. None
    where it follows the log."""
    applied: Annotated[dict[Label, Offset], Meta(max_length=65_536)] = {}
    """Of one that stands still: `documents/PARTITION` to the last offset that it shows."""


Scope = Literal[
    "ask",
    "documents:read",
    "documents:write",
    "documents:share",
    "documents:admin",
    "feedback",
]


class ApiKey(Change, frozen=True, kw_only=True, omit_defaults=True, tag="key"):
    """Who may call the gateway. The key itself is nowhere: it was shown once, when it was made.

    `removed` revokes it for good: of a key that is revoked nothing later counts.
    """

    id: KeyId
    tenant: Principal
    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    """SHA-256 of its secret part, in hexadecimal."""
    label: Label = ""
    scopes: Annotated[list[Scope], Meta(max_length=8)] = []
    """What it may do. A key that names none but `documents:admin` may do the rest as well."""
    expires_at: IndexTime | None = None
    priority: Priority | None = None
    """Of the requests that come with it; absent, its tenant's."""


Point = tuple[Ratio, Ratio]


class Calibration(Change, frozen=True, kw_only=True, omit_defaults=True, tag="calibration"):
    """A version of a judge: what its probability of being supported means, learned from people.

    A version's curve never changes; `share`, `routes` and `removed` may.
    """

    name: Name
    """The judge's; what the model itself says is its version 1."""
    version: Annotated[int, Meta(ge=2, le=MAX_INT)]
    method: Literal["platt", "isotonic"]
    points: Annotated[list[Point], Meta(min_length=2, max_length=1024)]
    """What the model said and what it means, both ascending; a straight line lies between two."""
    threshold: Ratio
    """From which probability on, as the curve gives it, a claim is supported."""
    labels: Annotated[int, Meta(ge=1, le=MAX_INT)]
    """How many answers with people's labels it was learned from."""
    share: Ratio = 0.0
    """Of the answers: those that are judged by this version. The newest with a share is asked
    first."""
    routes: Annotated[list[Name], Meta(max_length=64)] | None = None
    """Whose answers, those of a route or of one branch (`route/branch`); absent, all."""


class Environment(Change, frozen=True, kw_only=True, omit_defaults=True, tag="environment"):
    """Whose these topics are: a stack that calls itself something else does not start on them."""

    name: EnvironmentName


ControlEvent = (
    PromptVersion
    | Alias
    | Route
    | Quota
    | Budget
    | Tenant
    | IndexVersion
    | ApiKey
    | Calibration
    | Environment
)


def key_of(change: ControlEvent) -> str:
    """The record's key, `kind/name`: what a later change of the same key replaces."""
    match change:
        case PromptVersion():
            return f"prompt/{change.name}@{change.version}"
        case Quota():
            return f"quota/{change.tenant}"
        case Budget():
            return f"budget/{change.name}"
        case Tenant():
            return f"tenant/{change.name}"
        case Alias():
            return f"alias/{change.of}/{change.name}"
        case Route():
            return f"route/{change.name}"
        case IndexVersion():
            return f"index/{change.name}"
        case ApiKey():
            return f"key/{change.id}"
        case Calibration():
            return f"calibration/{change.name}@{change.version}"
        case Environment():
            return "environment/this"
