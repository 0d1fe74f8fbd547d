"""What is known of how a past question was answered, once its plan has gone from the log."""

from msgspec.structs import replace

from processors.control import Control
from processors.registry import resolve
from schemas.control import Branch, Route
from schemas.queries import Plan, Query
from schemas.responses import Receipt, Response


def plan_from(receipt: Receipt, control: Control, query: Query, usual_model: str) -> Plan:
    """The plan that a receipt tells of.

    It does not say how many passages were wanted: as many as there are, for the best of more are
    the same. Nor does it say what the model server calls the model: that is what the route's
    branch names, or `usual_model` where there is no such branch any more.
    """
    route, _, branch = receipt.route.partition("/")
    found = _branch(control, route, branch or route)
    model = usual_model if found is None else resolve(control, "model", found.model).version
    return Plan(
        route=route,
        branch=branch or route,
        index_version=receipt.index_version,
        prompt=receipt.prompt,
        model=model,
        groups=receipt.groups,
        top_k=len(receipt.passages) or query.top_k,
        dense_weight=receipt.dense_weight,
    )


def asked_as(query: Query, response: Response) -> Query:
    """The question that a response answers: a shadow's has an id of its own."""
    return replace(query, query_id=response.query_id)


def _branch(control: Control, route: str, branch: str) -> Branch | None:
    found = control.all(Route).get(route)
    branches = found.branches if found is not None else []
    return next((one for one in branches if one.name == branch), None)
