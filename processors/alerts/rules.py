"""What is promised, and how fast it may be broken before somebody is told.

Google, The Site Reliability Workbook, 2018, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts". An
objective of 95% leaves 5% of the events to be bad. The burn rate is how many times faster than
that they are: at 1 the allowance of a period is used up with its end, at 14.4 that of 30 days in
two. A long window makes sure that it matters, a short one that it still goes on.
"""

from typing import Literal

from msgspec import Struct

Severity = Literal["info", "warning", "critical"]

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


class RuleError(ValueError):
    """A rule that says nothing, or could never fire."""


class Burn(Struct, frozen=True, kw_only=True):
    """Two windows, in microseconds; it holds where the burn rate in both is above `factor`."""

    long: int
    short: int
    factor: float

    def times(self, scale: float) -> "Burn":
        """The same with longer or shorter windows: a demonstration does not wait for hours."""
        return Burn(
            long=max(1, round(self.long * scale)),
            short=max(1, round(self.short * scale)),
            factor=self.factor,
        )


class Rule(Struct, frozen=True, kw_only=True):
    """An objective on one figure. It fires where one of its `burns` holds."""

    name: str
    metric: str
    """The figure, by the name under which it is observed."""
    says: str
    """What a good event is, for people: "answers are grounded"."""
    good: Literal["at_least", "at_most"]
    bound: float
    """A value is good that is at least, or at most, this."""
    objective: float
    """The share that is to be good."""
    severity: Severity
    burns: tuple[Burn, ...]
    minimum: int = 10
    """With fewer events in the long window nothing is said."""
    runbook: str | None = None

    def __post_init__(self) -> None:
        """Raises RuleError."""
        if not 0 < self.objective < 1:
            raise RuleError(f"{self.name}: an objective of {self.objective}; 0 to 1 without both")
        if not self.burns:
            raise RuleError(f"{self.name}: without windows it never fires")
        for burn in self.burns:
            if not 0 < burn.short <= burn.long:
                raise RuleError(f"{self.name}: the short window must not be longer than the long")
            if burn.factor * self.allowed >= 1:
                raise RuleError(
                    f"{self.name}: a burn rate above {burn.factor:g} cannot be: with all events "
                    f"bad it is {1 / self.allowed:g}"
                )

    @property
    def allowed(self) -> float:
        """Which share may be bad."""
        return 1 - self.objective

    def is_good(self, value: float) -> bool:
        """Whether an event is as promised."""
        return value >= self.bound if self.good == "at_least" else value <= self.bound


FAST = (
    Burn(long=_HOUR, short=5 * _MINUTE, factor=14.4),
    Burn(long=6 * _HOUR, short=30 * _MINUTE, factor=6.0),
)
"""Somebody should get up: 2% of a month's allowance in an hour, or 5% in six."""
SLOW = (
    Burn(long=_DAY, short=2 * _HOUR, factor=3.0),
    Burn(long=3 * _DAY, short=6 * _HOUR, factor=1.0),
)
"""Somebody should look in the morning: 10% in one day, or in three."""

_RUNBOOK = "docs/alerts.md"


class Objective(Struct, frozen=True, kw_only=True):
    """One promise; `rules` makes an urgent and a patient rule of it."""

    name: str
    metric: str
    says: str
    good: Literal["at_least", "at_most"]
    bound: float
    target: float

    def rules(self, scale: float = 1.0) -> tuple[Rule, Rule]:
        """With windows so many times as long."""
        fast = self._rule("fast", "critical", FAST, scale)
        return fast, self._rule("slow", "warning", SLOW, scale)

    def _rule(self, speed: str, severity: Severity, burns: tuple[Burn, ...], scale: float) -> Rule:
        return Rule(
            name=f"{self.name}-{speed}",
            metric=self.metric,
            says=self.says,
            good=self.good,
            bound=self.bound,
            objective=self.target,
            severity=severity,
            burns=tuple(burn.times(scale) for burn in burns),
            runbook=f"{_RUNBOOK}#{self.name}",
        )


OBJECTIVES = (
    Objective(
        name="groundedness",
        metric="groundedness",
        says="answers have a groundedness of at least 0.5",
        good="at_least",
        bound=0.5,
        target=0.95,
    ),
    Objective(
        name="freshness",
        metric="document_freshness_s",
        says="changed documents show within 30 seconds",
        good="at_most",
        bound=30.0,
        target=0.95,
    ),
    Objective(
        name="latency",
        metric="latency_ms",
        says="answers take at most 2.5 seconds",
        good="at_most",
        bound=2500.0,
        target=0.95,
    ),
    Objective(
        name="errors",
        metric="error",
        says="questions do not fail",
        good="at_most",
        bound=0.0,
        target=0.99,
    ),
)
"""The defaults. The rules of Prometheus hold the same promises."""


def default_rules(scale: float = 1.0) -> tuple[Rule, ...]:
    """Of all objectives, with windows so many times as long."""
    return tuple(rule for objective in OBJECTIVES for rule in objective.rules(scale))
