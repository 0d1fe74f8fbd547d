"""How soon a question is planned, how many sessions move, and how often intervals hold.

Experiments are made up, so that the truth is known. Answers of one session are like each other,
as they are in life: counted as if each stood alone, their intervals would hold far too seldom.

    python -m tests.bench.routes
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.builtin import built_in
from processors.compare import intervals
from processors.compare.figures import Answer
from processors.compare.intervals import Interval
from processors.compare.results import results
from processors.compare.sample import Sample
from processors.control import Control
from processors.routes import plans
from processors.shares import branch_for, grown
from schemas.control import Branch, Route
from schemas.queries import Query
from tests.bench.report import Line, Measured, Options, main, spread

QUESTIONS = 20_000
TENANTS = 1000
SESSIONS = 20_000
RUNS = 2000
EXPERIMENTS = 400
LEVEL = 0.95
LEAST = 0.93
PLANS_A_SECOND = 20_000.0

Rng = np.random.Generator
Floats = NDArray[np.float64]
SAID: dict[str, Any] = {"revision": 1, "by": "bench", "why": "bench", "at": 0}


def branch(name: str, share: float, *, shadow: bool = False) -> Branch:
    """A way to answer that is there."""
    return Branch(
        name=name,
        index_version="v1",
        prompt="answer@production",
        model="reader@1",
        share=share,
        shadow=shadow,
    )


def planning() -> tuple[float, dict[str, float], float]:
    """Plans a second on one core, microseconds of each, and seconds after a change.

    A thousand tenants have a route each: two branches, and a shadow for half of the questions.
    """
    control = Control(built_in("reader"))
    ways = [branch("a", 0.9), branch("b", 0.1), branch("s", 0.5, shadow=True)]
    for number in range(TENANTS):
        tenant = f"t{number}"
        control.observe(Route(name=tenant, branches=ways, tenants=[tenant], **SAID))
    queries = [
        Query(query_id=f"q{at}", text="?", tenant=f"t{at % TENANTS}", session_id=f"s{at % 977}")
        for at in range(QUESTIONS)
    ]
    began = time.perf_counter()
    plans(control, queries[0])
    after_change = time.perf_counter() - began
    took = []
    for query in queries:
        began = time.perf_counter()
        plans(control, query)
        took.append(time.perf_counter() - began)
    return len(took) / sum(took), spread([one * 1e6 for one in took]), after_change


def moved() -> tuple[float, float]:
    """Of the sessions, when a share grows from a tenth to a fifth: those that move into it, and
    those that move anywhere else."""
    before = [branch("a", 0.6), branch("b", 0.3), branch("c", 0.1)]
    routes = [
        Route(name="r", branches=ways, tenants=["t"], **SAID)
        for ways in (before, grown(before, "c", 0.2))
    ]
    units = [f"t\nsession\n{number}" for number in range(SESSIONS)]
    went = [tuple(branch_for(route, unit).name for route in routes) for unit in units]
    into = sum(old != new == "c" for old, new in went)
    elsewhere = sum(old != new != "c" for old, new in went)
    return into / SESSIONS, elsewhere / SESSIONS


def sessions(rng: Rng, groups: int, draw: Callable[[int], Floats]) -> Sample:
    """Sessions of 1 to 15 answers."""
    drawn = [draw(int(size)) for size in rng.integers(1, 16, groups)]
    units = np.repeat(np.arange(groups), [len(one) for one in drawn])
    return Sample(np.concatenate(drawn).astype(np.float64), units)


def taste(rng: Rng, groups: int, share: float) -> Sample:
    """Shares that differ from session to session."""
    return sessions(
        rng, groups, lambda size: rng.random(size) < rng.beta(3 * share, 3 * (1 - share))
    )


def alone(sample: Sample) -> Sample:
    """As if each answer were a session."""
    return Sample(sample.values, np.arange(sample.count))


def skewed(rng: Rng, groups: int) -> Sample:
    """Of mean 1, as tokens are."""
    return sessions(rng, groups, lambda size: rng.lognormal(-0.18, 0.6, size) * rng.gamma(4, 0.25))


def paired(rng: Rng, count: int) -> Sample:
    """Of the same questions: 6 in 100 are answered by the one alone, 3 by the other alone."""
    drawn = rng.random(count)
    return Sample(np.where(drawn < 0.06, 1.0, np.where(drawn > 0.97, -1.0, 0.0)), np.arange(count))


EXPERIMENT: dict[str, tuple[Callable[[Rng], Interval], float]] = {
    "a share, 60 sessions": (lambda rng: intervals.share(taste(rng, 60, 0.7), LEVEL), 0.7),
    "a share near 1, 200 sessions": (
        lambda rng: intervals.share(taste(rng, 200, 0.95), LEVEL),
        0.95,
    ),
    "a mean of skewed values, 60 sessions": (
        lambda rng: intervals.mean(skewed(rng, 60), LEVEL),
        1.0,
    ),
    "a mean of skewed values, 300 sessions": (
        lambda rng: intervals.mean(skewed(rng, 300), LEVEL),
        1.0,
    ),
    "a difference of shares, 200 and 40 sessions": (
        lambda rng: intervals.difference(
            intervals.share(taste(rng, 200, 0.75), LEVEL),
            intervals.share(taste(rng, 40, 0.6), LEVEL),
        ),
        0.15,
    ),
    "a difference of means, 300 and 60 sessions": (
        lambda rng: intervals.difference_of_means(skewed(rng, 300), skewed(rng, 60), LEVEL),
        0.0,
    ),
    "a difference of pairs, 200 questions": (
        lambda rng: intervals.paired_shares(paired(rng, 200), LEVEL),
        0.03,
    ),
}


def covered(draw: Callable[[Rng], Interval], truth: float) -> float:
    """How often an interval holds the truth."""
    rng = np.random.default_rng(11)
    return sum(_holds(draw(rng), truth) for _ in range(RUNS)) / RUNS


def _holds(interval: Interval, truth: float) -> bool:
    low, high = interval.low, interval.high
    return (low is None or low <= truth) and (high is None or truth <= high)


def answers(rng: Rng, better: float) -> list[Answer]:
    """A branch that is shown and its shadow, of 300 questions in 100 sessions; the shadow's
    groundedness is so much better."""
    tastes = rng.normal(0, 0.1, 100)
    found = []
    for number in range(300):
        own = tastes[number // 3]
        hard = rng.normal(0, 0.12)
        for name, more in (("a", 0.0), ("s", better)):
            score = float(np.clip(0.7 + own + hard + more + rng.normal(0, 0.06), 0, 1))
            found.append(
                Answer(
                    query_id=f"q{number}" if name == "a" else f"q{number}~s",
                    tenant="t",
                    branch=name,
                    status="answered" if rng.random() < 0.8 + own else "unanswerable",
                    is_given_up=False,
                    latency_ms=float(rng.lognormal(5 + own, 0.4)),
                    tokens=int(rng.gamma(5, 60)),
                    passages=["p@1"],
                    way="answer@1",
                    shadow_of=None if name == "a" else f"q{number}",
                    unit=f"s{number // 3}",
                    groundedness=score,
                    is_grounded=score > 0.6,
                )
            )
    return found


def looks() -> tuple[float, float]:
    """Of experiments: in how many anything is told to differ though nothing does, and in how many
    a groundedness that is .02 better is told to be."""
    rng = np.random.default_rng(17)
    false = found = 0
    for _ in range(EXPERIMENTS):
        alike = results("r", ["a", "s"], answers(rng, 0.0)).branches[1].differences
        false += any(one.verdict != "unclear" for one in alike)
        better = results("r", ["a", "s"], answers(rng, 0.02)).branches[1].differences
        found += any(one.verdict == "better" for one in better if one.figure == "groundedness")
    return false / EXPERIMENTS, found / EXPERIMENTS


def measure(_: Options) -> Measured:
    """All of it."""
    rate, microseconds, after_change = planning()
    into, elsewhere = moved()
    held = {name: covered(*of) for name, of in EXPERIMENT.items()}
    as_if_alone = covered(lambda rng: intervals.share(alone(taste(rng, 60, 0.7)), LEVEL), 0.7)
    false, found = looks()
    lines = [
        Line(
            what=f"questions planned a second, one core, {TENANTS:,} routes",
            figure=f"{rate:,.0f}",
            target=f"at least {PLANS_A_SECOND:,.0f}",
            met=rate >= PLANS_A_SECOND,
        ),
        Line(what="the first plan after a change", figure=f"{after_change * 1000:.0f} ms"),
        Line(
            what="sessions that move into a branch whose share grows from .1 to .2",
            figure=f"{into:.3f}",
            target="0.1",
            met=abs(into - 0.1) < 0.01,
        ),
        Line(
            what="sessions that move elsewhere",
            figure=f"{elsewhere:.3f}",
            target="0",
            met=elsewhere == 0,
        ),
        *(
            Line(
                what=f"95% intervals that hold: {name}",
                figure=f"{share:.3f}",
                target=f"at least {LEAST}",
                met=share >= LEAST,
            )
            for name, share in held.items()
        ),
        Line(what="the first of these, as if answers stood alone", figure=f"{as_if_alone:.3f}"),
        Line(
            what="experiments in which something is told to differ though nothing does",
            figure=f"{false:.3f}",
            target="at most 0.07",
            met=false <= 0.07,
        ),
        Line(
            what="in which a shadow's groundedness, .02 better over 300 questions, is told",
            figure=f"{found:.3f}",
        ),
    ]
    details = {"plan_us": microseconds, "experiments": RUNS, "looks": EXPERIMENTS}
    return lines, details


if __name__ == "__main__":
    sys.exit(main("routes", measure))
