"""Dashboards as Grafana has them: its JSON model, schema version 39 (Grafana 11 and later)."""

import json
from typing import Any

from monitoring.dashboards.panel import Dashboard, Panel

COLUMNS = 24
_HEIGHTS = {"stat": 4}
_SOURCE = {"type": "prometheus", "uid": "prometheus"}
_LETTERS = "ABCDEFGH"

Json = dict[str, Any]


def as_json(board: Dashboard) -> str:
    """The file that Grafana's provisioning reads."""
    model: Json = {
        "uid": board.uid,
        "title": board.title,
        "description": board.about,
        "tags": ["freshet"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [
            {"type": "dashboards", "title": "Freshet", "tags": ["freshet"], "asDropdown": True}
        ],
        "panels": _laid_out(board),
    }
    return json.dumps(model, indent=1, ensure_ascii=False) + "\n"


def _laid_out(board: Dashboard) -> list[Json]:
    """Rows from left to right, as high as their highest panel."""
    found: list[Json] = []
    y = 0
    for section in board.sections:
        found.append(
            _place({"type": "row", "title": section.title, "panels": []}, found, 0, y, 24, 1)
        )
        y, x, height = y + 1, 0, 0
        for panel in section.panels:
            if x + panel.width > COLUMNS:
                y, x, height = y + height, 0, 0
            tall = _HEIGHTS.get(panel.kind, 8)
            found.append(_place(_panel(panel), found, x, y, panel.width, tall))
            x, height = x + panel.width, max(height, tall)
        y += height
    return found


def _place(panel: Json, before: list[Json], x: int, y: int, width: int, height: int) -> Json:
    return {"id": len(before) + 1, **panel, "gridPos": {"x": x, "y": y, "w": width, "h": height}}


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "targets": [_target(panel, place) for place in range(len(panel.queries))],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(panel: Panel, place: int) -> Json:
    query = panel.queries[place]
    now = panel.kind in ("stat", "bargauge", "table")
    target: Json = {
        "refId": _LETTERS[place],
        "datasource": _SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": now,
        "range": not now,
    }
    if panel.kind in ("heatmap", "table"):
        target["format"] = panel.kind
    return target


def _field(panel: Panel) -> Json:
    field: Json = {"unit": panel.unit, "min": 0}
    if panel.greatest is not None:
        field["max"] = panel.greatest
    if panel.red_from is not None:
        field["thresholds"] = _steps("green", "red", panel.red_from)
    if panel.red_below is not None:
        field["thresholds"] = _steps("red", "green", panel.red_below)
    if panel.kind == "timeseries":
        field["custom"] = _lines(panel)
    return field


def _steps(below: str, above: str, limit: float) -> Json:
    steps = [{"color": below, "value": None}, {"color": above, "value": limit}]
    return {"mode": "absolute", "steps": steps}


def _lines(panel: Panel) -> Json:
    has_limit = panel.red_from is not None or panel.red_below is not None
    return {
        "fillOpacity": 30 if panel.stacked else 5,
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "dashed" if has_limit else "off"},
    }


def _options(panel: Panel) -> Json:
    match panel.kind:
        case "timeseries":
            legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
            return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
        case "stat" | "bargauge":
            return {"reduceOptions": {"calcs": ["lastNotNull"], "values": False}}
        case "heatmap":
            return {"calculate": False, "yAxis": {"unit": panel.unit}}
        case _:
            return {}
