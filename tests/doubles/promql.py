"""As much of PromQL as tests of rules and dashboards need: which series an expression reads."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import yaml

from monitoring.metrics import METRICS, Metric
from streams.config import ROOT

RULES = ROOT / "monitoring/rules/freshet.yml"

_SERIES = re.compile(r"\b(freshet[_:][A-Za-z0-9_:]*)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*\"([^\"]*)\"")
_GROUPED = re.compile(r"\b(?:by|on|group_left|group_right|without)\s*\(([^)]*)\)")
_BY_NAME = {metric.name: metric for metric in METRICS}


class Matcher(NamedTuple):
    """What a label must be, or must not be."""

    label: str
    operator: str
    value: str

    def holds(self, value: str) -> bool:
        """Whether a series with this value is selected."""
        is_it = re.fullmatch(self.value if "~" in self.operator else re.escape(self.value), value)
        return bool(is_it) != self.operator.startswith("!")


class Series(NamedTuple):
    """A name in an expression, and how its series are selected."""

    name: str
    matchers: tuple[Matcher, ...]

    @property
    def labels(self) -> set[str]:
        """By which labels."""
        return {matcher.label for matcher in self.matchers}


class Recorded(NamedTuple):
    """A recording rule."""

    name: str
    expr: str
    labels: Mapping[str, str]
    """Those that it sets."""

    def is_read_by(self, series: Series) -> bool:
        """Whether it makes one of the series that are selected."""
        return self.name == series.name and all(
            each.holds(self.labels[each.label])
            for each in series.matchers
            if each.label in self.labels
        )


def series(expr: str) -> Iterator[Series]:
    """Every series of ours that an expression reads."""
    for name, selector in _SERIES.findall(expr):
        yield Series(name, tuple(Matcher(*each) for each in _MATCHER.findall(selector)))


def grouped(expr: str) -> set[str]:
    """The labels by which it sums or joins."""
    lists = (each.split(",") for each in _GROUPED.findall(expr))
    return {label.strip() for labels in lists for label in labels if label.strip()}


def metric(name: str) -> Metric | None:
    """The metric that a series belongs to: a histogram has three."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    found = _BY_NAME.get(name) or _BY_NAME.get(base)
    if found is None or (found.name != name and found.kind != "histogram"):
        return None
    return found


@cache
def rules() -> list[dict[str, Any]]:
    """The committed rules in order."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@cache
def recorded() -> tuple[Recorded, ...]:
    """Those that record something; several may share a name."""
    return tuple(
        Recorded(rule["record"], rule["expr"], rule.get("labels", {}))
        for rule in rules()
        if "record" in rule
    )


def known_labels(name: str) -> set[str] | None:
    """The labels of a series by its name; None where nothing makes it."""
    if rules := [each for each in recorded() if each.name == name]:
        return {label for each in rules for label in (*each.labels, *grouped(each.expr))}
    found = metric(name)
    if found is None:
        return None
    return {*found.labels, "le"} if name.endswith("_bucket") else set(found.labels)


def metrics_behind(expr: str) -> set[str]:
    """The names of the metrics that an expression reads, through what is recorded."""
    found = set[str]()
    for one in series(expr):
        for rule in recorded():
            if rule.is_read_by(one):
                found |= metrics_behind(rule.expr)
        if (defined := metric(one.name)) is not None:
            found.add(defined.name)
    return found


def faults(expr: str) -> list[str]:
    """What an expression reads that is not there, or asks for by a label that it lacks."""
    found: list[str] = []
    labels: set[str] = {"job", "instance"}
    for one in series(expr):
        name, selected = one.name, one.labels
        known = known_labels(name)
        if known is None:
            found.append(f"nothing makes {name}")
            continue
        labels |= known
        found += [f"{name} has no {label}" for label in selected - known - {"job", "instance"}]
    if any(series(expr)):
        found += [f"nothing here has {label}" for label in grouped(expr) - labels]
    return found
