"""Burn rates: alerts begin once and end once, and counting is right in any order."""

import math
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.alerts.burn import BurnRates
from processors.alerts.rules import Burn, Rule
from schemas.monitoring import Alert

LONG, SHORT = 1000, 100
Event = tuple[float | None, int]


def rule(name: str = "grounded", minimum: int = 10) -> Rule:
    """Nine in ten; it fires where more than 30% are bad."""
    return Rule(
        name=name,
        metric="groundedness",
        says="answers are grounded",
        good="at_least",
        bound=0.5,
        objective=0.9,
        severity="critical",
        burns=(Burn(long=LONG, short=SHORT, factor=3.0),),
        minimum=minimum,
        runbook="docs/alerts.md",
    )


def feed(rates: BurnRates, value: float, first: int, last: int) -> list[Alert]:
    """An event every 10, looked at after each."""
    alerts = []
    for at in range(first, last, 10):
        rates.observe("groundedness", value, at)
        alerts += rates.evaluate(at)
    return alerts


def states(alerts: list[Alert]) -> list[Literal["firing", "resolved"]]:
    return [alert.state for alert in alerts]


def test_an_alert_begins_once_and_falls_silent_once() -> None:
    """With the same `since`; what it says is enough to know what happened."""
    rates = BurnRates([rule()])
    assert feed(rates, 0.9, 0, 1000) == []
    began = feed(rates, 0.1, 1000, 2000)
    assert states(began) == ["firing"]
    assert [alert.rule for alert in rates.firing()] == ["grounded"]
    ended = feed(rates, 0.9, 2000, 3000)
    assert states(ended) == ["resolved"]
    assert began[0].since == ended[0].since == began[0].at < ended[0].at
    assert began[0].value > began[0].threshold == 3.0
    assert began[0].severity == "critical"
    assert "answers are grounded" in began[0].summary
    assert rates.firing() == []


def test_it_needs_both_windows() -> None:
    """A burst that is over is no alert, however bad it made the long window."""
    rates = BurnRates([rule()])
    for at in range(0, 500, 10):
        rates.observe("groundedness", 0.1, at)
    for at in range(500, 900, 10):
        rates.observe("groundedness", 0.9, at)
    assert rates.evaluate(900) == []


def test_a_few_bad_events_are_no_alert() -> None:
    """Below the minimum nothing is said."""
    rates = BurnRates([rule(minimum=10)])
    for at in range(9):
        rates.observe("groundedness", 0.1, at)
    assert rates.evaluate(10) == []
    rates.observe("groundedness", 0.1, 10)
    assert states(rates.evaluate(10)) == ["firing"]


def test_an_alert_ends_where_nothing_comes_any_more() -> None:
    """An empty window is no proof of trouble; that answers stop is another figure's matter."""
    rates = BurnRates([rule()])
    feed(rates, 0.1, 0, 500)
    (ended,) = rates.evaluate(5000)
    assert (ended.state, ended.value) == ("resolved", 0.0)
    assert "0 in the last" in ended.summary


def test_what_is_late_missing_or_of_another_figure_is_told_and_not_counted() -> None:
    """NaN is a missing value; infinities are values."""
    rates = BurnRates([rule()])
    rates.evaluate(10_000)
    assert rates.observe("groundedness", 0.1, 8000) == "late"
    assert rates.observe("groundedness", None, 10_000) == "missing"
    assert rates.observe("groundedness", math.nan, 10_000) == "missing"
    assert rates.observe("latency", 0.1, 10_000) == "unwatched"
    assert rates.observe("groundedness", -math.inf, 10_000) == "counted"


def test_an_event_far_ahead_neither_counts_now_nor_pushes_the_present_out() -> None:
    """A clock that runs ahead is no alarm, and hides none."""
    rates = BurnRates([rule()])
    rates.observe("groundedness", 0.1, 10**15)
    assert states(feed(rates, 0.1, 0, 500)) == ["firing"]


def test_memory_is_bounded_by_the_windows() -> None:
    """However long it runs, and however far events are spread."""
    rates, spread = BurnRates([rule()]), BurnRates([rule()])
    feed(rates, 0.9, 0, 20_000)
    for at in range(0, 10_000_000, 1000):
        spread.observe("groundedness", 0.9, at)
    assert len(rates.snapshot()) < 5000
    assert len(spread.snapshot()) < 10_000


def test_a_rule_that_changed_counts_anew_and_keeps_its_alert_until_it_no_longer_holds() -> None:
    """Of one that is gone the alert ends; an unchanged one goes on."""
    rates = BurnRates([rule("a"), rule("b"), rule("c")])
    feed(rates, 0.1, 0, 500)
    changed = replace(rule("b"), bound=0.05)
    after = BurnRates([rule("a"), changed], rates.snapshot())
    assert [alert.rule for alert in after.firing()] == ["a", "b", "c"]
    ended = after.evaluate(500)
    assert [(alert.rule, alert.state) for alert in ended] == [("b", "resolved"), ("c", "resolved")]
    assert after.evaluate(501) == []


events = st.lists(
    st.tuples(st.sampled_from([0.1, 0.9, None]), st.integers(0, 999)), min_size=1, max_size=60
)


def level(rates: BurnRates) -> list[Alert]:
    return rates.evaluate(1000)


@settings(deadline=None)
@given(events, st.data())
def test_the_order_of_events_does_not_matter(events: list[Event], data: st.DataObject) -> None:
    """Whatever is within the windows counts the same."""
    found = []
    for order in (events, data.draw(st.permutations(events))):
        rates = BurnRates([rule(minimum=1)])
        for value, at in order:
            rates.observe("groundedness", value, at)
        found.append(level(rates))
    assert found[0] == found[1]


@settings(deadline=None)
@given(events)
def test_each_event_counts_once_in_its_windows(events: list[Event]) -> None:
    """Against a plain count; windows end with the bucket that `now` lies in."""
    rates = BurnRates([rule(minimum=1)])
    for value, at in events:
        rates.observe("groundedness", value, at)
    for now in (500, 1000):
        known = [(v, at // 10) for v, at in events if v is not None]
        last = now // 10
        windows = [
            [v for v, bucket in known if last - width // 10 < bucket <= last]
            for width in (LONG, SHORT)
        ]
        rates_now = [sum(v < 0.5 for v in w) / len(w) / (1 - 0.9) if w else 0 for w in windows]
        before = bool(rates.firing())
        told = rates.evaluate(now)
        holds = min(rates_now) > 3.0
        assert bool(rates.firing()) == holds
        assert bool(told) == (holds != before)
        if holds and not before:
            assert math.isclose(told[0].value, rates_now[0])


@settings(deadline=None)
@given(events, st.integers(0, 60))
def test_it_goes_on_from_a_snapshot(events: list[Event], cut: int) -> None:
    """Interrupted anywhere the alerts are the same."""
    whole, interrupted = BurnRates([rule(minimum=1)]), BurnRates([rule(minimum=1)])
    for number, (value, at) in enumerate(sorted(events, key=lambda event: event[1])):
        if number == cut:
            interrupted = BurnRates([rule(minimum=1)], interrupted.snapshot())
        for rates in (whole, interrupted):
            rates.observe("groundedness", value, at)
        assert whole.evaluate(at) == interrupted.evaluate(at)
