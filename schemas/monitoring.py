"""`drift` and `alerts`: what moved, by how much and since when; and what somebody must look at."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.common import MAX_INT, Id, IndexTime, Label

Metric = Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.]{0,127}$(?!\n)")]
"""A figure's name, as the metric definitions have it."""
Labels = Annotated[dict[Label, Label], Meta(max_length=16)]


class Window(Struct, frozen=True, kw_only=True):
    """Moments from `start` (included) to `end` (not), and how many observations lie in it."""

    start: IndexTime
    end: IndexTime
    count: Annotated[int, Meta(ge=0, le=MAX_INT)]


class Example(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that moved, and what it was."""

    id: Id
    text: Annotated[str, Meta(max_length=1024)] | None = None


class Drift(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One comparison of a figure's recent distribution with its reference."""

    metric: Metric
    method: Annotated[str, Meta(min_length=1, max_length=64)]
    """The statistic: `psi`, `ks`, `page_hinkley`, .."""
    value: float
    threshold: float
    drifted: bool
    """Whether the value is beyond the threshold, in the direction that the method means."""
    current: Window
    reference: Window
    at: IndexTime
    p_value: Annotated[float, Meta(ge=0, le=1)] | None = None
    since: IndexTime | None = None
    """When it began to differ, as far as the method can tell."""
    labels: Labels = {}
    """The part of the traffic that was looked at; empty: all of it."""
    kind: Label | None = None
    """What sort of change: `novelty`, `mix`, `value`, `missing`."""
    direction: Literal["up", "down"] | None = None
    share: Annotated[float, Meta(ge=0)] | None = None
    """About how much of the traffic changed."""
    summary: Annotated[str, Meta(max_length=1024)] | None = None
    """What moved, in a sentence."""
    examples: Annotated[list[Example], Meta(max_length=5)] = []
    """Events since then that moved most, those first."""


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that began or ceased to hold. Firings are told apart by `since`."""

    metric: Metric
    rule: Annotated[str, Meta(min_length=1, max_length=128)]
    state: Literal["firing", "resolved"]
    severity: Literal["info", "warning", "critical"]
    summary: Annotated[str, Meta(max_length=1024)]
    value: float
    threshold: float
    since: IndexTime
    at: IndexTime
    labels: Labels = {}
    runbook: Annotated[str, Meta(max_length=2048)] | None = None
    """Where it says what to do."""
