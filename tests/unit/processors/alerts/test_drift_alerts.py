"""Drift as alerts: each begins once, and falls silent."""

from typing import Any

from processors.alerts.drift import DriftAlerts, from_drift
from schemas.monitoring import Alert, Drift, Window

WINDOW = Window(start=0, end=1, count=1)


def drift(at: int, *, drifted: bool = True, kind: str | None = "novelty", **more: Any) -> Drift:
    return Drift(
        metric="query_embedding",
        method="novelty_cusum",
        value=9.0,
        threshold=8.0,
        drifted=drifted,
        current=WINDOW,
        reference=WINDOW,
        at=at,
        kind=kind,
        labels=more.pop("labels", {"tenant": "acme"}),
        **more,
    )


def told(alerts: list[Alert]) -> list[tuple[str, int, int]]:
    return [(alert.state, alert.since, alert.at) for alert in alerts]


def test_a_drift_event_is_an_alert_with_its_words() -> None:
    """What moved, since when, in which part of the traffic."""
    alert = from_drift(drift(10, since=7, summary="unlike anything"))
    assert alert is not None
    assert (alert.state, alert.since, alert.summary) == ("firing", 7, "unlike anything")
    assert (alert.rule, alert.labels) == ("drift-novelty", {"tenant": "acme"})


def test_a_measurement_that_found_nothing_is_none() -> None:
    """It neither begins nor ends anything."""
    assert from_drift(drift(10, drifted=False, kind=None)) is None


def test_an_alert_ends_with_its_drift_under_its_own_since() -> None:
    """Whatever the detector takes for the beginning by then; told again it is nothing."""
    alerts = DriftAlerts()
    assert told(alerts.observe(drift(10, since=7))) == [("firing", 7, 10)]
    assert alerts.observe(drift(11, since=8)) == []
    assert told(alerts.observe(drift(20, since=15, drifted=False))) == [("resolved", 7, 20)]
    assert alerts.observe(drift(21, drifted=False)) == []
    assert alerts.firing() == []


def test_an_alert_of_a_moved_figure_falls_silent_by_itself() -> None:
    """A further move makes it stand longer; novelty waits for its end."""
    alerts = DriftAlerts(hold=100)
    alerts.observe(drift(0, kind="value", since=0))
    alerts.observe(drift(0, since=0))
    alerts.observe(drift(50, kind="value", since=40))
    assert alerts.evaluate(149) == []
    assert told(alerts.evaluate(150)) == [("resolved", 0, 150)]
    assert [alert.rule for alert in alerts.firing()] == ["drift-novelty"]


def test_parts_of_the_traffic_have_alerts_of_their_own() -> None:
    """One ends without the other."""
    alerts = DriftAlerts()
    for tenant in ("acme", "umbrella"):
        alerts.observe(drift(10, labels={"tenant": tenant}))
    alerts.observe(drift(20, drifted=False, labels={"tenant": "acme"}))
    assert [alert.labels for alert in alerts.firing()] == [{"tenant": "umbrella"}]


def test_it_goes_on_from_a_snapshot() -> None:
    """With what is out, and until when."""
    alerts = DriftAlerts(hold=100)
    alerts.observe(drift(0, kind="missing", since=0))
    after = DriftAlerts(100, alerts.snapshot())
    assert after.observe(drift(1, kind="missing")) == []
    assert told(after.evaluate(101)) == [("resolved", 0, 101)]
