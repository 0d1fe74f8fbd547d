"""How a question is answered, decided once, when it is admitted.

Who carries out a plan looks at nothing else: a question that is under way when its route changes
is answered as it was admitted.
"""

from msgspec.structs import replace

from processors.builtin import ROUTE
from processors.control import Control
from processors.registry import resolve
from processors.tenants import tenant_in
from schemas.control import Branch, Route
from schemas.queries import Plan, Query


def plans(control: Control, query: Query) -> list[Plan]:
    """The plan whose answer is shown."""
    route = control.of(Route)[ROUTE]
    groups = tenant_in(control, query.tenant).groups
    return [replace(_plan(control, route, route.branches[0]), groups=groups)]


def label(plan: Plan) -> str:
    """What receipts call a route and its branch: the route alone where both have one name."""
    return plan.route if plan.branch == plan.route else f"{plan.route}/{plan.branch}"


def _plan(control: Control, route: Route, branch: Branch) -> Plan:
    return Plan(
        route=route.name,
        branch=branch.name,
        index_version=branch.index_version,
        prompt=resolve(control, "prompt", branch.prompt).version,
        model=resolve(control, "model", branch.model).version,
    )
