"""Every panel reads what is measured, and everything that is measured is in a panel."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.dashboards import DASHBOARDS
from monitoring.dashboards.panel import Dashboard, Panel
from monitoring.metrics import METRICS
from streams.config import ROOT
from tests.doubles import promql, promtool

FILES = sorted((ROOT / "monitoring/grafana/dashboards").glob("*.json"))
PANELS = [panel for board in DASHBOARDS for panel in board.panels]
FOREIGN = re.compile(r"\b(?:nv_\w+|process_\w+|up|ALERTS)\b")


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_a_panel_reads_what_is_measured(panel: Panel) -> None:
    """By names and labels that `monitoring.metrics` or a rule defines; or what others give."""
    for query in panel.queries:
        assert promql.faults(query.expr) == []
        assert [*promql.series(query.expr)] or FOREIGN.search(query.expr)


def test_every_metric_is_in_a_panel() -> None:
    """What nobody looks at need not be measured."""
    exprs = [query.expr for panel in PANELS for query in panel.queries]
    shown = set[str]().union(*map(promql.metrics_behind, exprs))

    assert {metric.name for metric in METRICS} - shown == set()


@promtool.needed
def test_every_query_is_promql(tmp_path: Path) -> None:
    """By Prometheus' own parser."""
    exprs = [query.expr for panel in PANELS for query in panel.queries]
    rules = [
        {"record": f"panel:{place}", "expr": expr.replace("$__rate_interval", "1m")}
        for place, expr in enumerate(exprs)
    ]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    checked = promtool.run("check", "rules", str(path))

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_panel_says_what_it_means(board: Dashboard) -> None:
    """To somebody who does not know the system; no two of a page have one title."""
    titles = [panel.title for panel in board.panels]

    assert len(set(titles)) == len(titles)
    assert all(panel.meaning.endswith(".") for panel in board.panels)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_panels_of_a_page_do_not_overlap(path: Path) -> None:
    """And lie within its 24 columns."""
    panels: list[dict[str, Any]] = json.loads(path.read_text())["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_pages_are_told_apart() -> None:
    """By what their address has."""
    models = [json.loads(path.read_text()) for path in FILES]

    assert len({model["uid"] for model in models}) == len(models) == len(DASHBOARDS)
    assert {model["uid"] for model in models} == {path.stem for path in FILES}
