"""`evaluations`: what a judge found in one answer, as a whole and claim by claim.

A score is OpenTelemetry's `gen_ai.evaluation.result`: `name`, `label`, `score` and `explanation`
are its `gen_ai.evaluation.name`, `.score.label`, `.score.value` and `.explanation`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import MAX_INT, MAX_QUESTION, Id, IndexTime, Label, Principal, Versioned

Position = Annotated[int, Meta(ge=0, le=MAX_INT)]
PassageVersion = Annotated[str, Meta(max_length=512, pattern=r"^[^@]+@[0-9]+$(?!\n)")]
"""`passage_id@version`, as a receipt names it."""

Verdict = Literal["supported", "contradicted", "unsupported", "uncheckable"]


class Score(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One criterion. A judge that failed gives `error` and neither label nor score."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    """`groundedness`, `relevance`, .."""
    label: Label | None = None
    score: float | None = None
    explanation: Annotated[str, Meta(max_length=4096)] | None = None
    error: Label | None = None
    """OpenTelemetry's `error.type`."""


class Support(Struct, frozen=True, kw_only=True):
    """What a claim was held against: characters [start, end) of the passage's text."""

    passage: PassageVersion
    start: Position
    end: Position


class Claim(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that the answer asserts in its characters [start, end)."""

    start: Position
    end: Position
    verdict: Verdict
    score: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How sure the judge is of the verdict."""
    support: Annotated[list[Support], Meta(max_length=64)] = []
    """What decided it; empty where nothing speaks of the claim."""
    explanation: Annotated[str, Meta(max_length=4096)] | None = None


class Evaluation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One judge's findings for one answer. The same judge again replaces them."""

    query_id: Id
    tenant: Principal
    judge: Versioned
    at: IndexTime
    scores: Annotated[list[Score], Meta(max_length=64)]
    claims: Annotated[list[Claim], Meta(max_length=512)] = []
    labels: dict[Label, Label] = {}
    """What figures are split by later: the route, the prompt, the model, the index version."""
    duration_ms: Annotated[float, Meta(ge=0)] = 0.0
    answered_at: IndexTime | None = None
    """When the answer was given: the event time that windows go by."""
    question: Annotated[str, Meta(max_length=MAX_QUESTION)] | None = None
    """What was asked, where the log still had it."""
    shadow_of: Id | None = None
    """Of an answer that nobody has seen: the question whose answer was shown in its place."""
