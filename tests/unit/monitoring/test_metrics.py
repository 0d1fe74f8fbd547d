"""The list of metrics and the code that sets them agree."""

import ast
from pathlib import Path

from monitoring import metrics
from monitoring.metrics import METRICS, Metric
from streams.config import ROOT

DEFINED = {name for name, value in vars(metrics).items() if isinstance(value, Metric)}

NO_METRICS = {"METRICS", "FAMILIES", "SCORES", "OBSERVED", "BINS", "GATEWAY"}
"""Other names of the module that are in capitals."""


def used(path: Path) -> set[str]:
    """The names in capitals that a module takes from `monitoring.metrics`."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "metrics"
        and node.attr.isupper()
    }


def test_every_metric_that_is_set_is_defined_and_the_other_way_round() -> None:
    """None is only promised, and none is made up elsewhere."""
    found = set[str]().union(*(used(path) for path in (ROOT / "streams").rglob("*.py")))
    assert found - NO_METRICS == DEFINED


def test_every_metric_is_in_the_list() -> None:
    """Which the documentation is made from."""
    assert {vars(metrics)[name] for name in DEFINED} == set(METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_nothing_else_makes_metrics() -> None:
    """Prometheus' own classes are used in the one file only."""
    sources = [path.read_text() for path in (ROOT / "streams").rglob("*.py")]
    assert not any("import Counter, " in text and "prometheus" in text for text in sources)
    assert not any("prometheus_client.Counter" in text for text in sources)
