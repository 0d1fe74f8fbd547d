"""Rules that say something and could fire; the defaults are such."""

import pytest

from monitoring import objectives
from processors.alerts.rules import FAST, OBJECTIVES, SLOW, Burn, Rule, RuleError, default_rules

HOUR = 3_600_000_000
BURN = Burn(long=100, short=10, factor=2.0)


def rule(objective: float = 0.9, *burns: Burn) -> Rule:
    return Rule(
        name="r",
        metric="m",
        says="all is well",
        good="at_least",
        bound=0.5,
        objective=objective,
        severity="warning",
        burns=burns,
    )


def test_a_value_at_the_bound_is_good() -> None:
    """Whether it is a least or a most."""
    assert [rule(0.9, BURN).is_good(value) for value in (0.4, 0.5, 0.6)] == [False, True, True]
    latency = next(one for one in default_rules() if one.metric == "latency_ms")
    assert [latency.is_good(value) for value in (2400, 2500, 2600)] == [True, True, False]


@pytest.mark.parametrize(
    ("objective", "burns", "why"),
    [
        (1.0, (BURN,), "an objective of 1.0"),
        (0.9, (), "never fires"),
        (0.9, (Burn(long=10, short=100, factor=2.0),), "must not be longer"),
        (0.9, (Burn(long=100, short=10, factor=14.4),), "with all events bad it is 10"),
    ],
)
def test_a_rule_that_could_never_fire_is_refused(
    objective: float, burns: tuple[Burn, ...], why: str
) -> None:
    """With the reason."""
    with pytest.raises(RuleError, match=why):
        rule(objective, *burns)


def test_each_objective_has_an_urgent_and_a_patient_rule() -> None:
    """Under names of their own, with windows that may be scaled."""
    rules = default_rules()
    assert len({one.name for one in rules}) == len(rules) == 8
    assert {one.severity for one in rules} == {"critical", "warning"}
    longest = [max(burn.long for burn in one.burns) for one in rules]
    assert set(longest) == {6 * HOUR, 72 * HOUR}
    quick = default_rules(scale=1 / 3600)
    assert [max(burn.long for burn in one.burns) * 3600 for one in quick] == longest


def test_the_promises_are_those_that_prometheus_watches() -> None:
    """The same shares and windows, under the same names: one alert does not gainsay the other."""
    ours = {one.name: one.target for one in OBJECTIVES}
    assert ours == {one.name: one.target for one in objectives.OBJECTIVES}
    for mine, theirs in ((FAST, objectives.FAST), (SLOW, objectives.SLOW)):
        units = {"m": 60_000_000, "h": HOUR, "d": 24 * HOUR}
        assert [(one.long, one.short, one.factor) for one in mine] == [
            (*(int(at[:-1]) * units[at[-1]] for at in (one.long, one.short)), one.factor)
            for one in theirs
        ]
