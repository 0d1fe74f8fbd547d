"""How a question is answered, decided once, when it is admitted.

Who carries out a plan looks at nothing else: a question that is under way when its route changes
is answered as it was admitted.

A route is written when all that it names is there; but prompts and index versions may go, and
their events may come in another order than they were written in. So whether a branch can be used
is asked when a question is planned, by what is in force then and nothing that was before: every
worker, however late it started, says the same. A branch that cannot be used leaves its questions
to the first branch that can, a route without any to the route of everybody, and that to the one
that is built in: no question fails for a route.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from processors.control import Control
from processors.indexversions import moved, serving
from processors.registry import Resolved, resolve
from processors.shares import branch_for, shadows_of, unit_of
from processors.tenants import tenant_in
from schemas.common import MAX_ID
from schemas.control import EVERYBODY, Branch, IndexVersion, Route
from schemas.queries import Plan, Query
from schemas.topics import FIRST_INDEX

BETWEEN = "~"
"""Stands between a question's id and a branch's name in the id of what a shadow answers."""


def plans(control: Control, query: Query) -> list[Plan]:
    """The plan whose answer is shown, then those of its shadows."""
    way = control.view(_Ways).of(query.tenant)
    found = [way.shown(branch_for(way.route, unit_of(query)))]
    for branch in shadows_of(way.route, query.query_id):
        plan = way.plans.get(branch.name)
        if plan is not None and len(_shadow_id(query, plan)) <= MAX_ID:
            found.append(replace(plan, shadow_of=query.query_id))
    groups = tenant_in(control, query.tenant).groups
    return [replace(plan, groups=groups) for plan in found]


def plan_by(control: Control, name: str, query: Query) -> Plan | None:
    """The plan that a route, or one of its branches (`route/branch`), shadows among them, would
    have for a question of any tenant; None where there is none or it cannot be used."""
    route_name, _, branch = name.partition("/")
    route = control.of(Route).get(route_name)
    way = None if route is None else _way(control, route)
    if way is None:
        return None
    plan = way.plans.get(branch) if branch else way.shown(branch_for(way.route, unit_of(query)))
    groups = tenant_in(control, query.tenant).groups
    return None if plan is None else replace(plan, groups=groups)


def asked(query: Query, plan: Plan) -> Query:
    """The question that a plan answers: a shadow's has an id of its own, and is else the same."""
    return query if plan.shadow_of is None else replace(query, query_id=_shadow_id(query, plan))


def label(plan: Plan) -> str:
    """What receipts call a route and its branch: the route alone where both have one name."""
    return label_of(plan.route, plan.branch)


def label_of(route: str, branch: str) -> str:
    """Likewise, by their names."""
    return route if branch == route else f"{route}/{branch}"


def is_of(label: str, route: str) -> bool:
    """Whether a label is of a route, or of its branch where `route` names that too."""
    return label == route or label.partition("/")[0] == route


def unusable(control: Control) -> list[str]:
    """Branches that no question is answered by for now, each with what it lacks."""
    return control.view(_Ways).faults


def faults(control: Control, route: Route) -> list[str]:
    """What a route lacks to be used as it says: to be asked before it is written."""
    found = []
    for branch in route.branches:
        wrong = [each.wrong for each in _resolved(control, branch) if each.wrong and not each.lost]
        found += [f"branch {branch.name}: {why}" for why in (*_lost(control, branch), *wrong)]
    for other in control.of(Route).values():
        both = sorted(set(other.tenants) & set(route.tenants))
        if other.name != route.name and both:
            found.append(f"{', '.join(both)} is served by the route {other.name!r} already")
    if route.name != EVERYBODY and not route.tenants:
        found.append(f"it serves nobody: name its tenants, or change the route {EVERYBODY!r}")
    return found


class _Way(NamedTuple):
    """A route with the plans of those branches that can be used."""

    route: Route
    plans: Mapping[str, Plan]
    instead: Plan
    """Of the first of them that is no shadow."""

    def shown(self, branch: Branch) -> Plan:
        return self.plans.get(branch.name, self.instead)


class _Ways:
    """All routes as they can be used; made anew when `control` changes."""

    def __init__(self, control: Control) -> None:
        routes = control.of(Route)
        self.faults = [
            f"{label_of(route.name, branch.name)}: {fault}"
            for route in routes.values()
            for branch in route.branches
            for fault in _lost(control, branch)
        ]
        self._everybodys = _everybodys(control)
        self._by_tenant: dict[str, _Way] = {}
        # Where two routes name one tenant, which is refused at the edge, the first by name counts.
        for name in sorted(routes, reverse=True):
            way = _way(control, routes[name])
            if way is not None:
                self._by_tenant |= dict.fromkeys(way.route.tenants, way)

    def of(self, tenant: str) -> _Way:
        return self._by_tenant.get(tenant, self._everybodys)


def _everybodys(control: Control) -> _Way:
    route = control.of(Route).get(EVERYBODY)
    way = None if route is None else _way(control, route)
    if way is not None:
        return way
    base = _built_in(control)
    plans = {branch.name: _plan(control, base, branch) for branch in base.branches}
    return _Way(base, plans, next(iter(plans.values())))


def _built_in(control: Control) -> Route:
    """Over the first index version; where that is retired, over another one that serves."""
    base = control.built_in(f"route/{EVERYBODY}")
    assert isinstance(base, Route), "whoever plans knows what is built in"
    able = serving(control)
    if FIRST_INDEX in able or not able:
        return base
    return moved(base, FIRST_INDEX, min(able))


def _way(control: Control, route: Route) -> _Way | None:
    """None where no branch can be used whose answers are shown."""
    plans = {
        branch.name: _plan(control, route, branch)
        for branch in route.branches
        if not any(_lost(control, branch))
    }
    shown = (plans.get(branch.name) for branch in route.branches if not branch.shadow)
    instead = next((plan for plan in shown if plan is not None), None)
    return None if instead is None else _Way(route, plans, instead)


def _plan(control: Control, route: Route, branch: Branch) -> Plan:
    return Plan(
        route=route.name,
        branch=branch.name,
        index_version=branch.index_version,
        prompt=resolve(control, "prompt", branch.prompt).version,
        model=resolve(control, "model", branch.model).version,
        top_k=branch.top_k,
        dense_weight=branch.dense_weight,
    )


def _lost(control: Control, branch: Branch) -> Iterator[str]:
    """What a branch cannot do without, and is not there."""
    for found in _resolved(control, branch):
        if found.lost:
            yield str(found.wrong)
    index = control.of(IndexVersion).get(branch.index_version)
    if index is None:
        yield f"there is no index version {branch.index_version}"
    elif index.state != "serving":
        yield f"the index version {branch.index_version} is {index.state}, not serving"


def _resolved(control: Control, branch: Branch) -> Iterator[Resolved]:
    yield resolve(control, "prompt", branch.prompt)
    yield resolve(control, "model", branch.model)


def _shadow_id(query: Query, plan: Plan) -> str:
    return f"{query.query_id}{BETWEEN}{plan.branch}"
