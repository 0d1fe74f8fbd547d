"""`control`: what operators decide, and every worker follows while it runs.

A change says who made it and why. It counts only where the one in force under its key has
`revision - 1`; of two with one revision the first in the log counts, and the other's author has
to look again. Nothing is deleted, only marked `removed`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import (
    MAX_INT,
    AliasName,
    IndexTime,
    Label,
    Name,
    Principal,
    Reference,
    Scalar,
    Versioned,
)

Ratio = Annotated[float, Meta(ge=0, le=1)]
Limit = Annotated[int, Meta(ge=0, le=MAX_INT)]
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


class PromptVersion(Change, frozen=True, kw_only=True, omit_defaults=True, tag="prompt"):
    """A prompt's text. A version never changes; another text is another version."""

    name: Name
    version: Annotated[int, Meta(ge=1, le=MAX_INT)]
    template: Annotated[str, Meta(min_length=1, max_length=65536)]
    parameters: Spec = {}
    """How the model is sampled with it."""


class Alias(Change, frozen=True, kw_only=True, omit_defaults=True, tag="alias"):
    """A name that stands for a version: `answer@production` for `answer@3`."""

    name: AliasName
    of: Literal["prompt", "model"]
    target: Versioned


class Branch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to answer. Prompt and model are versions, or aliases that stand for one."""

    name: Name
    index_version: Name
    prompt: Reference
    model: Reference
    share: Ratio = 1.0
    """Of the questions. Shares of a route that are no shadows sum to 1."""
    shadow: bool = False
    """Answers without anybody seeing it, to be compared."""


class Route(Change, frozen=True, kw_only=True, omit_defaults=True, tag="route"):
    """Which questions are answered how."""

    name: Name
    branches: Annotated[list[Branch], Meta(min_length=1, max_length=16)]
    tenants: Annotated[list[Principal], Meta(max_length=1024)] | None = None
    """Whose questions; absent, everybody's who has no route of their own."""


class Quota(Change, frozen=True, kw_only=True, omit_defaults=True, tag="quota"):
    """What a tenant may use. A bound that is absent does not bind."""

    tenant: Principal
    tokens_per_minute: Limit | None = None
    tokens_per_day: Limit | None = None
    requests_per_minute: Limit | None = None
    concurrent: Limit | None = None


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


KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}$(?!\n)")]
Scope = Literal["documents:admin"]


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
    """What it may do beyond asking, keeping its tenant's documents, and giving feedback."""
    expires_at: IndexTime | None = None


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
    """Whose answers; absent, those of every route."""


ControlEvent = PromptVersion | Alias | Route | Quota | IndexVersion | ApiKey | Calibration


def key_of(change: ControlEvent) -> str:
    """The record's key, `kind/name`: what a later change of the same key replaces."""
    match change:
        case PromptVersion():
            return f"prompt/{change.name}@{change.version}"
        case Quota():
            return f"quota/{change.tenant}"
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
