"""The question that a shadow answers: the same one, under an id of its own."""

from msgspec.structs import replace

from schemas.queries import Plan, Query

BETWEEN = "~"
"""Stands between a question's id and the branch's name."""


def shadow_id(query: Query, branch: str) -> str:
    """The id under which a branch answers a question that another's answer is shown to."""
    return f"{query.query_id}{BETWEEN}{branch}"


def asked(query: Query, plan: Plan) -> Query:
    """The question as a plan answers it."""
    if plan.shadow_of is None:
        return query
    return replace(query, query_id=shadow_id(query, plan.branch))
