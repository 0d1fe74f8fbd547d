"""Objectives, and the rules that tell how fast their error budgets burn.

Source: Google, "The Site Reliability Workbook" (2018), chapter 5, "Multiwindow, Multi-Burn-Rate
Alerts": an alert needs a long window, so that it matters, and a short one, so that it ends soon
after the trouble has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Rule = Mapping[str, object]

LEAST_EVENTS = 10
"""With fewer in the long window a single bad answer would raise an alarm."""


@dataclass(frozen=True)
class Objective:
    """Which share of events must be good, and how the others are told."""

    name: str
    title: str
    says: str
    """What is promised, for people."""
    target: float
    bad: str
    total: str
    """PromQL of rates, with `WINDOW` for the range."""

    @property
    def allowed(self) -> float:
        """Which share may be bad."""
        return round(1 - self.target, 6)


@dataclass(frozen=True)
class Burn:
    """A pair of windows, and how many times too fast the budget of 30 days burns in both."""

    long: str
    short: str
    factor: float


FAST = (Burn("1h", "5m", 14.4), Burn("6h", "30m", 6.0))
SLOW = (Burn("1d", "2h", 3.0), Burn("3d", "6h", 1.0))

_DURATION = "freshet_answerer_duration_seconds"
_FRESHNESS = "freshet_writer_freshness_seconds"
_SCORE = "freshet_judge_score"

OBJECTIVES = (
    Objective(
        "groundedness",
        "Groundedness",
        "Of 95 in 100 answers the judge gives a groundedness above 0.5.",
        0.95,
        f'sum(rate({_SCORE}_bucket{{name="groundedness",le="0.5"}}[WINDOW]))',
        f'sum(rate({_SCORE}_count{{name="groundedness"}}[WINDOW]))',
    ),
    Objective(
        "freshness",
        "Freshness",
        "95 in 100 changed documents show within 30 seconds.",
        0.95,
        f"(sum(rate({_FRESHNESS}_count[WINDOW]))"
        f' - sum(rate({_FRESHNESS}_bucket{{le="30.0"}}[WINDOW])))',
        f"sum(rate({_FRESHNESS}_count[WINDOW]))",
    ),
    Objective(
        "latency",
        "Latency",
        "95 in 100 questions that are answered, or cannot be, are so within 2.5 seconds.",
        0.95,
        f'(sum(rate({_DURATION}_count{{status=~"answered|unanswerable"}}[WINDOW]))'
        f' - sum(rate({_DURATION}_bucket{{status=~"answered|unanswerable",le="2.5"}}[WINDOW])))',
        f'sum(rate({_DURATION}_count{{status=~"answered|unanswerable"}}[WINDOW]))',
    ),
    Objective(
        "errors",
        "Error",
        "99 in 100 questions do not fail.",
        0.99,
        'sum(rate(freshet_answerer_responses_total{status="failed"}[WINDOW]))',
        "sum(rate(freshet_answerer_responses_total[WINDOW]))",
    ),
)


def recordings() -> Iterator[Rule]:
    """The share that may be bad, the share that is, and how many events the long windows hold."""
    burns = (*FAST, *SLOW)
    windows = sorted({each for burn in burns for each in (burn.long, burn.short)}, key=_seconds)
    for objective in OBJECTIVES:
        labels = {"slo": objective.name}
        allowed = f"vector({objective.allowed:g})"
        yield {"record": "freshet:slo_allowed:ratio", "expr": allowed, "labels": labels}
        for window in windows:
            bad = objective.bad.replace("WINDOW", window)
            total = objective.total.replace("WINDOW", window)
            yield {
                "record": f"freshet:slo_bad:ratio_rate{window}",
                "expr": f"({bad} or vector(0)) / ({total} > 0)",
                "labels": labels,
            }
        for burn in burns:
            total = objective.total.replace("WINDOW", burn.long)
            yield {
                "record": f"freshet:slo_events:increase{burn.long}",
                "expr": f"{total} * {_seconds(burn.long)}",
                "labels": labels,
            }


def alerts() -> Iterator[Rule]:
    """For each objective, one alert to get up for and one to look at in the morning."""
    for objective in OBJECTIVES:
        for speed, burns, severity in (("Fast", FAST, "critical"), ("Slowly", SLOW, "warning")):
            yield {
                "alert": f"Freshet{objective.title}BudgetBurns{speed}",
                "expr": "\nor\n".join(_burning(objective, burn) for burn in burns),
                "labels": {"severity": severity, "slo": objective.name},
                "annotations": {
                    "summary": f"{objective.title}: {{{{ $value | humanizePercentage }}}} are bad",
                    "description": f"The objective: {objective.says} At this rate its allowance "
                    f"for 30 days is used up in {_lasts(burns)}.",
                    "runbook": f"docs/dashboards.md#{objective.name}",
                },
            }


def _burning(objective: Objective, burn: Burn) -> str:
    slo = f'{{slo="{objective.name}"}}'
    limit = f"{burn.factor:g} * {objective.allowed:g}"
    return (
        f"(freshet:slo_bad:ratio_rate{burn.long}{slo} > {limit}\n"
        f" and freshet:slo_bad:ratio_rate{burn.short}{slo} > {limit}\n"
        f" and freshet:slo_events:increase{burn.long}{slo} >= {LEAST_EVENTS})"
    )


def _lasts(burns: tuple[Burn, ...]) -> str:
    days = sorted(30 / burn.factor for burn in burns)
    return f"{days[0]:.0f} to {days[-1]:.0f} days"


def _seconds(window: str) -> int:
    return int(window[:-1]) * {"m": 60, "h": 3600, "d": 86400}[window[-1]]
