from typing import Any

import pytest

from processors.control import Control
from processors.ledger.bounds import Asker, Bounds, bounds, priority
from schemas.control import ApiKey, Budget, ControlEvent, Quota, Tenant
from schemas.usage import Charge

WHO: dict[str, Any] = {"revision": 1, "by": "ana", "why": "first", "at": 1}
KEY = "9f86d081884c"
ASKER = Asker(tenant="acme", key_id=KEY, user="ana", model="reader@1", route="default")


def budget(name: str = "b", **more: Any) -> Budget:
    fields = {"unit": "tokens", "limit": 100, **WHO, **more}
    return Budget(name=name, **fields)


def key(**more: Any) -> ApiKey:
    return ApiKey(id=KEY, hash="0" * 64, **{"tenant": "acme", **WHO, **more})


def control(*events: ControlEvent) -> Control:
    found = Control()
    for event in events:
        assert found.observe(event) is None
    return found


def only(*events: ControlEvent, who: Asker = ASKER) -> Charge:
    (charge,) = bounds(control(*events), who)
    return charge


def test_nobody_is_bounded_unless_somebody_said_so():
    """A tenant without quota or budget uses what it likes."""
    assert bounds(control(), ASKER) == []


def test_a_quota_is_a_bound_for_each_of_its_figures():
    """Named by the tenant and what it bounds; what is left out does not bind."""
    quota = Quota(tenant="acme", tokens_per_minute=7, tokens_per_day=8, concurrent=2, **WHO)
    found = bounds(control(quota), ASKER)
    assert [(one.budget, one.unit, one.limit, one.usable) for one in found] == [
        ("acme:tokens_per_minute", "tokens", 7, 7),
        ("acme:tokens_per_day", "tokens", 8, 8),
        ("acme:concurrent", "concurrent", 2, 2),
    ]
    assert [one.window for one in found[:2]] == ["minute", "day"]
    assert bounds(control(quota), Asker(tenant="umbrella")) == []


@pytest.mark.parametrize(
    ("field", "mine", "other"),
    [
        ("tenant", "acme", "umbrella"),
        ("key_id", KEY, "0" * 12),
        ("user", "ana", "ben"),
        ("model", "reader@1", "reader@2"),
        ("model", "reader", "llm"),
        ("route", "default", "trial"),
    ],
)
def test_a_budget_bounds_those_whom_it_names(field: str, mine: str, other: str):
    """And those who agree with all that it names."""
    assert bounds(control(budget(**{field: mine})), ASKER) != []
    assert bounds(control(budget(**{field: other})), ASKER) == []
    assert bounds(control(budget(**{"tenant": "acme", field: mine})), ASKER) != []


def test_a_removed_budget_bounds_nobody():
    """As if it had never been set."""
    assert bounds(control(budget(removed=True)), ASKER) == []


@pytest.mark.parametrize(
    ("each", "bucket"),
    [(None, ""), ("tenant", "acme"), ("key", f"acme {KEY}"), ("user", "acme ana")],
)
def test_a_budget_may_be_apart_for_each(each: str | None, bucket: str):
    """Every bucket is of the limit's size."""
    assert only(budget(each=each)).bucket == bucket


def test_requests_that_name_no_user_share_a_bucket():
    """Of their tenant, so that leaving it out gains nothing."""
    assert only(budget(each="user"), who=Asker(tenant="acme")).bucket == "acme "


def test_money_is_counted_in_billionths():
    """Of a dollar."""
    charge = only(budget(unit="usd", limit=2.5, burst=0.000_000_1))
    assert (charge.unit, charge.limit, charge.burst) == ("nanousd", 2_500_000_000, 100)


def test_requests_under_way_have_no_window():
    """Whatever the budget says of one."""
    charge = only(budget(unit="concurrent", limit=4, window="month", calendar=True, burst=9))
    assert (charge.window, charge.calendar, charge.burst, charge.usable) == ("day", False, None, 4)


@pytest.mark.parametrize(("level", "usable"), [("low", 70), ("normal", 90), ("high", 100)])
def test_each_priority_leaves_what_is_kept_for_those_above(level: Any, usable: int):
    """Its own share it may use."""
    kept = {"normal": 0.2, "high": 0.1}
    assert only(key(priority=level), budget(kept=kept)).usable == usable
    assert only(key(priority=level), budget(kept=kept, limit=5, burst=100)).usable == usable


def test_a_keys_priority_goes_before_its_tenants():
    """What neither says is normal; another tenant's key says nothing."""
    tenant = Tenant(name="acme", priority="high", **WHO)
    assert priority(control(), ASKER) == "normal"
    assert priority(control(tenant, key()), ASKER) == "high"
    assert priority(control(tenant, key(priority="low")), ASKER) == "low"
    assert priority(control(tenant, key(priority="low", tenant="umbrella")), ASKER) == "high"


def test_a_pool_bounds_nobody_by_itself():
    """It stands behind the budgets that name it."""
    charge = only(budget(pool="pool"), budget("pool", limit=7, shared=True, each="tenant"))
    assert (charge.budget, charge.shadow) == ("b", False)
    assert charge.pool is not None
    assert (charge.pool.budget, charge.pool.bucket, charge.pool.limit) == ("pool", "acme", 7)


@pytest.mark.parametrize(
    "fields",
    [{}, {"shared": True, "shadow": True}, {"shared": True, "tenant": "umbrella"}],
)
def test_what_is_no_pool_for_the_asker_gives_nothing(fields: dict[str, Any]):
    """Not shared, only on trial, or another's."""
    found = bounds(control(budget(pool="pool"), budget("pool", **fields)), ASKER)
    assert found[0].pool is None
    assert bounds(control(budget(pool="gone")), ASKER)[0].pool is None


def test_a_shadow_answer_is_charged_to_models_and_routes_only():
    """Nobody asked for it."""
    who = Asker(tenant="acme", key_id=KEY, model="reader@1", route="default", shadow=True)
    events = [
        Quota(tenant="acme", tokens_per_day=1, **WHO),
        budget("a", tenant="acme"),
        budget("b", each="user"),
        budget("c", model="reader"),
        budget("d"),
    ]
    assert [one.budget for one in bounds(control(*events), who)] == ["c", "d"]


def test_bounds_are_remembered_until_they_are_cleared():
    """They are asked for with every question, and change seldom."""
    state = control(budget())
    remembered = Bounds(state, most=2)
    first = remembered(ASKER)
    assert remembered(ASKER) is first
    state.observe(budget(limit=7, revision=2))
    assert remembered(ASKER)[0].limit == 100
    remembered.clear()
    assert remembered(ASKER)[0].limit == 7
    for number in range(9):
        assert remembered(Asker(tenant=f"t{number}"))[0].limit == 7
