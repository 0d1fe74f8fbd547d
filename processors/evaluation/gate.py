"""May a candidate be shipped? Rules say how much worse it may be, and on which questions.

A rule bounds the candidate's mean (`least`), or how much worse it may be than the baseline
(`most_drop`, in the metric's unit, or as `5%` of the baseline's mean), or both. By default a rule
fails where the questions show that the bound is passed, with the rule's confidence; with
`prove: safety` it fails unless they show that it is not.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from processors.bootstrap import Mean, mean_of
from processors.evaluation.metrics import Metric, metric_named
from processors.evaluation.pairs import ALL, KINDS, LEAST, Pair, by

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
Prove = Literal["regression", "safety"]
Confidence = Annotated[float, Meta(ge=0.5, lt=1)]
Count = Annotated[int, Meta(ge=2)]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bound. What is None is as the rules say for all."""

    metric: str
    least: float | None = None
    """What the candidate's mean must reach; for a metric of which less is better, may not pass."""
    most_drop: Annotated[float, Meta(ge=0)] | str | None = None
    """How much worse than the baseline it may be."""
    slice: str = ALL
    """`tenant=acme`; `tenant=*` for each that has questions enough, all of them together; empty
    for all questions."""
    confidence: Confidence | None = None
    prove: Prove | None = None
    least_questions: Count | None = None


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gate goes by."""

    rules: Annotated[list[Rule], Meta(min_length=1)]
    confidence: Confidence = 0.95
    prove: Prove = "regression"
    least_questions: Count = LEAST


class InvalidRules(ValueError):
    """Rules that nothing can be held to; says which and why."""


class Finding(Struct, frozen=True, kw_only=True):
    """What one rule came to on one slice."""

    metric: str
    slice: str
    bound: str
    questions: int
    baseline: float
    candidate: float
    measured: Mean
    """What is held to the bound: the candidate's mean, or how much worse it is."""
    holds: bool
    why: str


def parse(plain: object) -> Rules:
    """Rules of what a YAML file holds. Raises InvalidRules."""
    try:
        rules = msgspec.convert(plain, Rules)
    except msgspec.ValidationError as error:
        raise InvalidRules(str(error)) from None
    for number, rule in enumerate(rules.rules, start=1):
        if why := _fault(rule):
            raise InvalidRules(f"rule {number} ({rule.metric}): {why}")
    return rules


def judge(rules: Rules, pairs: Sequence[Pair]) -> list[Finding]:
    """Hold each rule to its slices. Raises InvalidRules where questions are too few."""
    found = []
    for rule in rules.rules:
        needed = rule.least_questions or rules.least_questions
        chosen = _chosen(rule, pairs, needed)
        # Every slice of `tenant=*` may fail the gate, so their intervals hold together.
        level = 1 - (1 - (rule.confidence or rules.confidence)) / len(chosen)
        for name, both in chosen.items():
            found += _findings(rule, name, both, level, rule.prove or rules.prove)
    return found


def _chosen(rule: Rule, pairs: Sequence[Pair], needed: int) -> dict[str, list[Pair]]:
    """The slices that a rule is about, with the pairs that have its metric from both."""
    kind, _, value = rule.slice.partition("=")
    places = by(kind, pairs) if kind else {ALL: list(range(len(pairs)))}
    if value != "*":
        places = {rule.slice: places.get(rule.slice, [])}
    both = {
        name: [pairs[at] for at in at_all if pairs[at].difference(rule.metric) is not None]
        for name, at_all in places.items()
    }
    enough = {name: some for name, some in both.items() if len(some) >= needed}
    if not enough:
        most = max(map(len, both.values()), default=0)
        where = f" of {rule.slice}" if rule.slice else ""
        raise InvalidRules(
            f"{rule.metric}: {most} questions{where} have it from both, and the rules ask for "
            f"{needed}; replay more, give --gold for what needs it, or lower least_questions"
        )
    return enough


def _findings(
    rule: Rule, name: str, both: Sequence[Pair], level: float, prove: Prove
) -> list[Finding]:
    metric = metric_named(rule.metric)
    assert metric is not None
    tests = []
    if rule.least is not None:
        tests.append(_test_least(metric, rule.least, both, level))
    if rule.most_drop is not None:
        tests.append(_test_drop(metric, rule.most_drop, both, level))
    return [_finding(metric, name, both, test, prove) for test in tests]


class _Test(Struct, frozen=True):
    """Something that may not be above a bound."""

    says: str
    value: Mean
    bound: float
    shown: Mean


def _test_least(metric: Metric, least: float, pairs: Sequence[Pair], level: float) -> _Test:
    values = [pair.candidate.figures[metric.name] for pair in pairs]
    shown = mean_of(values, level)
    if metric.better == "less":
        return _Test(f"at most {least:g}", shown, least, shown)
    return _Test(f"at least {least:g}", _negated(shown), -least, shown)


def _test_drop(metric: Metric, most: float | str, pairs: Sequence[Pair], level: float) -> _Test:
    sign = -1.0 if metric.better == "more" else 1.0
    drops = [sign * (pair.difference(metric.name) or 0.0) for pair in pairs]
    drop = mean_of(drops, level)
    bound, says = _bound(most, pairs, metric)
    return _Test(f"worse by at most {says}", drop, bound, drop)


def _bound(most: float | str, pairs: Sequence[Pair], metric: Metric) -> tuple[float, str]:
    if not isinstance(most, str):
        return most, f"{most:g}"
    share = _share(most)
    mean = float(np.mean([pair.baseline.figures[metric.name] for pair in pairs]))
    return share * abs(mean), f"{most} ({share * abs(mean):.3g})"


def _finding(
    metric: Metric, name: str, pairs: Sequence[Pair], test: _Test, prove: Prove
) -> Finding:
    held = test.value.high if prove == "safety" else test.value.low
    # What rounding leaves over the bound is not over it.
    holds = held <= test.bound + 1e-9
    return Finding(
        metric=metric.name,
        slice=name,
        bound=test.says,
        questions=len(pairs),
        baseline=float(np.mean([pair.baseline.figures[metric.name] for pair in pairs])),
        candidate=float(np.mean([pair.candidate.figures[metric.name] for pair in pairs])),
        measured=test.shown,
        holds=holds,
        why=_why(holds, prove),
    )


def _why(holds: bool, prove: Prove) -> str:
    if prove == "regression":
        return "not shown to pass the bound" if holds else "shown to pass the bound"
    return "shown to keep the bound" if holds else "not shown to keep the bound"


def _fault(rule: Rule) -> str | None:
    if metric_named(rule.metric) is None:
        return "there is no such metric; docs/evaluation-offline.md names them"
    if rule.least is None and rule.most_drop is None:
        return "neither least nor most_drop"
    if isinstance(rule.most_drop, str) and _PERCENT.fullmatch(rule.most_drop) is None:
        return f"most_drop {rule.most_drop!r}: a number, or a share such as 5%"
    kind, sign, value = rule.slice.partition("=")
    if rule.slice and not (kind in KINDS and sign and value):
        return f"slice {rule.slice!r}: such as tenant=acme, topic=*, document=*, day=2026-01-31"
    return None


def _share(text: str) -> float:
    found = _PERCENT.fullmatch(text)
    assert found is not None
    return float(found[1]) / 100


def _negated(mean: Mean) -> Mean:
    return Mean(-mean.value, -mean.high, -mean.low)
