"""The rules read what is measured, and each alert fires and falls silent again."""

from typing import Any

import pytest
import yaml

from monitoring.alerting import JOBS
from monitoring.objectives import OBJECTIVES
from streams.config import ROOT, Settings
from tests.doubles import promql, promtool

TESTS = sorted((ROOT / "monitoring/rules/tests").glob("*.yml"))
ALERTS = [rule for rule in promql.rules() if "alert" in rule]
NAMES = [rule["alert"] for rule in ALERTS]


def cases() -> list[tuple[str, list[dict[str, Any]]]]:
    """The alert of each test in turn, with what is expected of it."""
    loaded = [test for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]
    return [
        (name, [case for case in test["alert_rule_test"] if case["alertname"] == name])
        for test in loaded
        for name in {case["alertname"] for case in test["alert_rule_test"]}
    ]


@promtool.needed
def test_prometheus_takes_the_rules() -> None:
    """By its own checker."""
    checked = promtool.run("check", "rules", str(promql.RULES))

    assert checked.returncode == 0, checked.stderr


@promtool.needed
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(path: Any) -> None:
    """Evaluated by Prometheus' own engine over made-up series."""
    tested = promtool.run("test", "rules", str(path))

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_case_in_which_an_alert_fires_and_falls_silent(name: str) -> None:
    """Silent before, firing, and silent after."""
    courses = [
        [bool(case["exp_alerts"]) for case in found] for alert, found in cases() if alert == name
    ]

    assert any(
        not course[0] and any(course[1:-1]) and not course[-1]
        for course in courses
        if len(course) > 2
    )


@pytest.mark.parametrize("rule", promql.rules(), ids=lambda r: r.get("alert") or r["record"])
def test_a_rule_reads_what_is_measured(rule: dict[str, Any]) -> None:
    """By names and labels that `monitoring.metrics` defines."""
    assert promql.faults(rule["expr"]) == []


def test_a_mistyped_name_or_label_would_be_found() -> None:
    """So the test above is worth something."""
    assert promql.faults("freshet_worker_lag") == ["nothing makes freshet_worker_lag"]
    assert promql.faults('freshet_worker_lag_events{tenant="a"}')
    assert promql.faults("sum by (tenant) (freshet_worker_lag_events)")
    assert promql.faults("freshet_worker_lag_events_bucket")


def test_nothing_is_recorded_that_nobody_reads() -> None:
    """Neither an alert, nor a dashboard, nor another rule."""
    boards = (ROOT / "monitoring/grafana/dashboards").glob("*.json")
    read = "".join(path.read_text() for path in boards) + "".join(r["expr"] for r in promql.rules())

    assert [rule.name for rule in promql.recorded() if rule.name not in read] == []


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_an_alert_says_what_is_wrong_and_where_it_stands_what_to_do(rule: dict[str, Any]) -> None:
    """Its runbook is a heading of the documentation."""
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("#")]

    assert {"summary", "description", "runbook"} == rule["annotations"].keys()
    assert anchor in {h.lstrip("# ").lower().replace(" ", "-") for h in headings}


def test_all_our_processes_are_watched() -> None:
    """A worker that is gone without a trace is missed."""
    assert {"gateway", *Settings().metrics.ports} <= set(JOBS)


def test_an_objective_can_be_missed() -> None:
    """A burn rate that no share of bad events can reach would never fire."""
    assert all(14.4 * objective.allowed < 1 for objective in OBJECTIVES)
