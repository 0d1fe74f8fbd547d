"""Questions as they were asked: out of the records that tell of them."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.replay.question import Heard, joined
from schemas.control import Branch, Route
from schemas.queries import AdmittedQuery, Query, Reservation
from tests.doubles.answerer import RECEIPT, response_to
from tests.doubles.plans import CONTROL, PLAN

ROUTE = Route(
    name="canary",
    tenants=["other"],
    branches=[Branch(name="b", index_version="v1", prompt="answer@1", model="big@7", top_k=9)],
    revision=1,
    by="test",
    why="",
    at=0,
)


def query(query_id: str = "q") -> Query:
    return Query(query_id=query_id, text="Why?", tenant="acme")


def asked(query_id: str = "q", at: int = 5) -> Heard:
    return Heard(query=query(query_id), logged_at=at)


def admitted(query_id: str = "q", at: int = 7) -> Heard:
    event = AdmittedQuery(
        query=replace(query(query_id), top_k=2),
        reservation=Reservation(tokens=90),
        admitted_at=at,
        deadline=at + 1,
        plan=replace(PLAN, top_k=3),
    )
    return Heard(admitted=event)


def answered(query_id: str = "q", **receipt: object) -> Heard:
    found = replace(RECEIPT, **receipt)
    return Heard(response=response_to(query(query_id), receipt=found))


@given(st.permutations([asked("a", 3), asked("b", 1), admitted("a"), answered("b")]))
def test_what_is_known_does_not_depend_on_the_order_of_topics(heard: list[Heard]) -> None:
    """Questions come by the time of their asking."""
    first, second = joined(heard, lambda _: CONTROL)
    assert [first.query.query_id, second.query.query_id] == ["b", "a"]
    assert (second.asked_at, second.at, second.tokens) == (7, 7, 90)
    assert second.plan.top_k == 3
    assert second.query.top_k == 2
    assert (first.at, first.applied) == (RECEIPT.as_of, RECEIPT.applied)
    assert first.tokens is None


def test_a_question_counts_once_and_only_if_it_was_asked_in_the_range() -> None:
    """The first record of it counts; answers to others are left out."""
    (only,) = joined([asked(at=4), asked(at=9), answered("other")], lambda _: CONTROL)
    assert only.asked_at == only.at == 4
    assert only.plan == PLAN


def test_a_receipt_tells_of_a_branch_that_the_route_would_not_choose_now() -> None:
    """The rest is as the branch has it; the model by the name that the server has it by."""
    control = Control(built_in("reader"))
    assert control.observe(ROUTE) is None
    heard = [asked(), answered(route="canary/b", groups=["group:x"], dense_weight=0.25)]
    (only,) = joined(heard, lambda _: control)
    assert (only.plan.route, only.plan.branch) == ("canary", "b")
    assert (only.plan.model, only.plan.top_k) == ("big@7", 9)
    assert (only.plan.groups, only.plan.dense_weight) == (["group:x"], 0.25)
    assert only.plan.prompt == RECEIPT.prompt


def test_a_question_of_the_past_is_read_in_the_past() -> None:
    """Never later than it was asked, where it got no answer."""
    early = Heard(query=replace(query(), as_of=3), logged_at=8)
    late = Heard(query=replace(query("r"), as_of=30), logged_at=8)
    assert [one.at for one in joined([early, late], lambda _: CONTROL)] == [3, 8]
