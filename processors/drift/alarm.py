"""What a detector says: of one event, and when something has moved."""

from typing import Literal

from msgspec import Struct

EXAMPLES = 5

Fault = Literal["not_finite", "wrong_dimension", "no_direction", "missing"]
"""Why an event was not scored. It is counted by the caller, and changes no detector."""


class ReferenceTooSmallError(Exception):
    """There are too few usable events to compare with; the message says how many there are."""


class Alarm(Struct, frozen=True, kw_only=True):
    """A change that began, or ended: one alarm of each, however long it lasts."""

    kind: Literal["novelty", "mix", "value", "missing"]
    """Unlike anything in the reference; a known topic asked more; a figure; its absence."""
    state: Literal["began", "ended"]
    value: float
    threshold: float
    at: int
    """The event time at which it was seen."""
    since: int
    """The event time after which it began, by the best estimate."""
    share: float | None = None
    """About how much of the traffic changed, to the nearest that is looked for (`kind` novelty,
    mix)."""
    direction: Literal["up", "down"] | None = None
    examples: tuple[str, ...] = ()
    """Ids of the events since then that moved most, those first; at most `EXAMPLES`."""


class Seen(Struct, frozen=True, kw_only=True):
    """One event, looked at. With a `fault` it was not scored."""

    fault: Fault | None = None
    score: float | None = None
    """Embeddings: the p-value of its novelty. Scalars: its rank in the reference, 0 to 1."""
    alarms: tuple[Alarm, ...] = ()
