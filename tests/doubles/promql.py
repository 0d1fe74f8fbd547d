"""As much of PromQL as tests of rules and dashboards need: which series an expression reads."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from monitoring.metrics import METRICS, Metric
from streams.config import ROOT

RULES = ROOT / "monitoring/rules/freshet.yml"

_SERIES = re.compile(r"\b(freshet[_:][A-Za-z0-9_:]*)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
_GROUPED = re.compile(r"\b(?:by|on|group_left|group_right|without)\s*\(([^)]*)\)")
_BY_NAME = {metric.name: metric for metric in METRICS}


class Series(NamedTuple):
    """A name in an expression, and the labels by which it is selected."""

    name: str
    labels: frozenset[str]


def series(expr: str) -> Iterator[Series]:
    """Every series of ours that an expression reads."""
    for name, selector in _SERIES.findall(expr):
        yield Series(name, frozenset(_LABEL.findall(selector)))


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


def rules() -> list[dict[str, Any]]:
    """The committed rules in order."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def recorded() -> Mapping[str, tuple[str, set[str]]]:
    """The expression of each recorded name, and the labels that it has."""
    return {
        rule["record"]: (rule["expr"], {*rule.get("labels", ()), *grouped(rule["expr"])})
        for rule in rules()
        if "record" in rule
    }


def known_labels(name: str) -> set[str] | None:
    """The labels of a series by its name; None where nothing makes it."""
    if name in recorded():
        return recorded()[name][1]
    found = metric(name)
    if found is None:
        return None
    return {*found.labels, "le"} if name.endswith("_bucket") else set(found.labels)


def faults(expr: str) -> list[str]:
    """What an expression reads that is not there, or asks for by a label that it lacks."""
    found: list[str] = []
    labels: set[str] = {"job", "instance"}
    for name, selected in series(expr):
        known = known_labels(name)
        if known is None:
            found.append(f"nothing makes {name}")
            continue
        labels |= known
        found += [f"{name} has no {label}" for label in selected - known - {"job", "instance"}]
    if any(series(expr)):
        found += [f"nothing here has {label}" for label in grouped(expr) - labels]
    return found
