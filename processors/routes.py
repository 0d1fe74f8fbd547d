"""How a question is answered, decided once, when it is admitted.

Who carries out a plan looks at nothing else: a question that is under way when its route changes
is answered as it was admitted.
"""

from collections.abc import Mapping

from processors.builtin import ROUTE
from processors.control import Control
from schemas.control import Alias, Branch, Route
from schemas.queries import Plan, Query


def plans(control: Control, query: Query) -> list[Plan]:
    """The plan whose answer is shown."""
    route = control.of(Route)[ROUTE]
    return [_plan(control, route, route.branches[0])]


def label(plan: Plan) -> str:
    """What receipts call a route and its branch: the route alone where both have one name."""
    return plan.route if plan.branch == plan.route else f"{plan.route}/{plan.branch}"


def _plan(control: Control, route: Route, branch: Branch) -> Plan:
    aliases = control.of(Alias)
    return Plan(
        route=route.name,
        branch=branch.name,
        index_version=branch.index_version,
        prompt=_version(aliases, "prompt", branch.prompt),
        model=_version(aliases, "model", branch.model),
    )


def _version(aliases: Mapping[str, Alias], kind: str, reference: str) -> str:
    """A version as it is, an alias by the version that it stands for."""
    if reference.rpartition("@")[2].isdecimal():
        return reference
    return aliases[f"{kind}/{reference}"].target
