"""A question as it was asked: what a replay begins with."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from processors.control import Control
from processors.registry import resolve
from processors.routes import label, label_of, plans
from schemas.control import Branch, Route
from schemas.queries import AdmittedQuery, Plan, Query
from schemas.responses import Receipt, Response, Usage
from schemas.times import InvalidTime, parse_time


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked, when, and how it was answered then."""

    query: Query
    asked_at: int
    """Microseconds since the epoch: when it was admitted, or came into the log."""
    at: int
    """The index time that it was read at; of one that never was, that of its asking."""
    plan: Plan
    applied: dict[str, int] = {}
    staleness_ms: float = 0.0
    tokens: int | None = None
    """What was set aside for it; None where that is not known any more."""
    usage: Usage | None = None
    """What its answer took then."""


class Heard(Struct, frozen=True, omit_defaults=True):
    """A record that tells of a question: one of the three."""

    query: Query | None = None
    admitted: AdmittedQuery | None = None
    response: Response | None = None
    logged_at: int = 0
    """Microseconds since the epoch, by the broker's clock."""
    partition: int = 0
    offset: int = 0

    @property
    def query_id(self) -> str:
        """Of which question it tells."""
        if self.query is not None:
            return self.query.query_id
        if self.admitted is not None:
            return self.admitted.query.query_id
        return "" if self.response is None else self.response.query_id


def joined(heard: Iterable[Heard], control_at: Callable[[int], Control]) -> Iterator[Question]:
    """The questions that records tell of, by the time of their asking and their id.

    Of two records that tell the same of a question the first counts; one that nobody asked in
    the records given is left out. `control_at` gives what was in force at a time.
    """
    asked: dict[str, Heard] = {}
    admitted: dict[str, AdmittedQuery] = {}
    answered: dict[str, Response] = {}
    for one in heard:
        if one.query is not None:
            asked.setdefault(one.query.query_id, one)
        elif one.admitted is not None:
            admitted.setdefault(one.admitted.query.query_id, one.admitted)
        elif one.response is not None:
            answered.setdefault(one.response.query_id, one.response)
    found = [
        _question(one, admitted.get(query_id), answered.get(query_id), control_at)
        for query_id, one in asked.items()
    ]
    return iter(sorted(found, key=lambda one: (one.asked_at, one.query.query_id)))


def _question(
    one: Heard,
    admitted: AdmittedQuery | None,
    response: Response | None,
    control_at: Callable[[int], Control],
) -> Question:
    assert one.query is not None
    # As admitted, a question has been brought within its tenant's bounds.
    query = one.query if admitted is None else admitted.query
    asked_at = one.logged_at if admitted is None else admitted.admitted_at
    receipt = None if response is None else response.receipt
    plan = admitted.plan if admitted is not None else None
    if plan is None:
        control = control_at(asked_at)
        plan = plans(control, query)[0]
        if receipt is not None:
            plan = _as_answered(plan, receipt, control)
    return Question(
        query=query,
        asked_at=asked_at,
        at=_read_at(query, asked_at) if receipt is None else receipt.as_of,
        plan=plan,
        applied={} if receipt is None else dict(receipt.applied),
        staleness_ms=0.0 if receipt is None else receipt.staleness_ms,
        tokens=None if admitted is None else admitted.reservation.tokens,
        usage=None if response is None or receipt is None else response.usage,
    )


def _as_answered(plan: Plan, receipt: Receipt, control: Control) -> Plan:
    """The plan that a receipt tells of; what it says nothing of is its branch's.

    It has the name that the model gave itself, not the one that the server has it by.
    """
    if label(plan) != receipt.route:
        found = _branch(receipt.route, control.of(Route))
        plan = replace(
            plan,
            route=receipt.route.partition("/")[0],
            branch=receipt.route.rpartition("/")[2],
            model=plan.model if found is None else resolve(control, "model", found.model).version,
            top_k=None if found is None else found.top_k,
        )
    return replace(
        plan,
        index_version=receipt.index_version,
        prompt=receipt.prompt,
        groups=receipt.groups,
        dense_weight=receipt.dense_weight,
    )


def _branch(named: str, routes: Mapping[str, Route]) -> Branch | None:
    return next(
        (
            branch
            for route in routes.values()
            for branch in route.branches
            if label_of(route.name, branch.name) == named
        ),
        None,
    )


def _read_at(query: Query, asked_at: int) -> int:
    try:
        told = parse_time(query.as_of) if isinstance(query.as_of, str) else query.as_of
    except InvalidTime:
        return asked_at
    return asked_at if told is None else min(told, asked_at)
