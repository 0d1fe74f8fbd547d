"""Plans: which branch answers a question, and that one does whatever is in force."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.routes import asked, faults, is_of, label, plans, unusable
from schemas.control import (
    Alias,
    Branch,
    ControlEvent,
    IndexVersion,
    PromptVersion,
    Route,
    key_of,
)
from schemas.examples import EXAMPLES
from schemas.queries import Plan, Query
from tests.unit.processors.test_shares import branch, route

BASE = built_in("reader")
SAID: dict[str, Any] = {"revision": 1, "by": "ana", "why": "test", "at": 1}
TERSE = PromptVersion(
    name="answer", version=2, template="Short.\n{{passages}}\n{{question}}", **SAID
)
LLM = Alias(name="llm@live", of="model", target="llm@3", **SAID)


def control(*events: ControlEvent) -> Control:
    made = Control(BASE)
    for event in events:
        assert made.observe(event) is None
    return made


def again(made: Control, event: Any, **changes: Any) -> None:
    """A later change of something."""
    revision = made.revision(key_of(event)) + 1
    assert made.observe(replace(event, **{"revision": revision, **changes})) is None


def ask(query_id: str = "q", tenant: str = "acme", **fields: Any) -> Query:
    return Query(query_id=query_id, text="?", tenant=tenant, **fields)


def shown(made: Control, query: Query | None = None) -> Plan:
    return plans(made, query or ask())[0]


def test_without_any_event_the_built_in_route_answers() -> None:
    """Alone, and called by its name."""
    (plan,) = plans(control(), ask())
    assert (plan.index_version, plan.prompt, plan.model) == ("v1", "answer@1", "reader@1")
    assert label(plan) == "default"


def test_a_plan_names_versions_where_a_branch_has_aliases() -> None:
    """What the alias stands for at that moment, and what the branch says of the retrieval."""
    made = control(
        LLM, TERSE, route(branch("a", prompt="answer@2", model="llm@live", top_k=3, dense_weight=1))
    )
    assert shown(made) == Plan(
        route="default",
        branch="a",
        index_version="v1",
        prompt="answer@2",
        model="llm@3",
        top_k=3,
        dense_weight=1,
    )
    assert label(shown(made)) == "default/a"
    again(made, LLM, target="llm@4")
    assert shown(made).model == "llm@4"


def test_a_tenants_own_route_comes_before_everybodys() -> None:
    """For the tenants that it names."""
    made = control(route(branch("a")), route(branch("b"), name="own", tenants=("acme", "zoo")))
    assert [shown(made, ask(tenant=who)).route for who in ("acme", "zoo", "else")] == [
        "own",
        "own",
        "default",
    ]


def test_of_two_routes_that_name_a_tenant_the_first_by_name_serves_it() -> None:
    """Whichever was written first: every worker says the same."""
    one, two = (route(branch("a"), name=name, tenants=("acme",)) for name in ("m", "n"))
    assert shown(control(one, two)) == shown(control(two, one))
    assert shown(control(two, one)).route == "m"
    assert "already" in faults(control(one), two)[0]


def test_a_session_is_answered_by_one_branch() -> None:
    """Whatever it asks, and whoever plans."""
    made = control(TERSE, route(branch("a", 0.5), branch("b", 0.5, prompt="answer@2")))
    for session in map(str, range(20)):
        found = {shown(made, ask(f"q{at}", session_id=session)).branch for at in range(5)}
        assert len(found) == 1


def test_a_shadow_answers_the_question_under_an_id_of_its_own() -> None:
    """With the same words and bounds; the one that is shown keeps the id."""
    made = control(route(branch("a"), branch("s", 1.0, shadow=True, top_k=9)))
    query = ask(session_id="s", max_tokens=7)
    first, second = plans(made, query)
    assert (first.branch, first.shadow_of) == ("a", None)
    assert (second.branch, second.shadow_of, second.top_k) == ("s", "q", 9)
    assert asked(query, first) == query
    assert asked(query, second) == replace(query, query_id="q~s")


def test_a_question_whose_id_leaves_no_room_has_no_shadow() -> None:
    """It is answered all the same."""
    made = control(route(branch("a"), branch("s", 1.0, shadow=True)))
    assert [len(plans(made, ask("q" * length))) for length in (510, 511)] == [2, 1]


@pytest.mark.parametrize(
    ("lacking", "what"),
    [
        ({"index_version": "v9"}, "no index version v9"),
        ({"prompt": "answer@9"}, "the prompt answer@9"),
        ({"prompt": "answer@canary"}, "the prompt alias answer@canary"),
        ({"model": "llm@live"}, "the model alias llm@live"),
    ],
)
def test_a_branch_that_cannot_be_used_leaves_its_questions_to_the_first(
    lacking: dict[str, Any], what: str
) -> None:
    """At the edge it is refused; behind it no question fails, and it is told."""
    of = route(branch("a", 0.1), branch("b", 0.9, **lacking), branch("s", 1.0, shadow=True))
    made = control(of)
    for session in map(str, range(30)):
        found = plans(made, ask(session_id=session))
        assert [plan.branch for plan in found] == ["a", "s"]
    assert [what in fault for fault in unusable(made)] == [True]
    assert [what in fault for fault in faults(control(), of)] == [True]


def test_a_shadow_that_cannot_be_used_is_left_out() -> None:
    """Nobody sees it anyway."""
    made = control(route(branch("a"), branch("s", shadow=True, prompt="none@1")))
    assert [plan.branch for plan in plans(made, ask())] == ["a"]


def test_a_route_of_which_nothing_can_be_used_is_passed_over() -> None:
    """For everybody's, and that for the built-in one."""
    broken = branch("b", index_version="v9")
    made = control(route(branch("a")), route(broken, name="own", tenants=("acme",)))
    assert shown(made).route == "default"
    again(made, route(broken))
    assert (shown(made).branch, shown(made).prompt) == ("default", "answer@1")


def test_an_index_version_that_does_not_serve_is_not_used() -> None:
    """Neither one that is being built."""
    building: IndexVersion = replace(EXAMPLES[IndexVersion], name="v2", state="building")  # type: ignore[assignment]
    made = control(building, route(branch("b", index_version="v2")))
    assert shown(made).index_version == "v1"
    again(made, building, state="serving")
    assert shown(made).index_version == "v2"


def test_whatever_is_removed_a_question_is_answered() -> None:
    """By what is built in, though an alias of that name be gone or point nowhere."""
    made = control()
    for event in BASE:
        again(made, event, removed=True)
    assert shown(made).prompt == "answer@1"
    alias = next(event for event in BASE if isinstance(event, Alias))
    again(made, alias, target="answer@77", removed=False)
    assert shown(made).prompt == "answer@1"


def test_a_route_that_serves_nobody_is_refused_at_the_edge() -> None:
    """It is not everybody's, and names no tenant."""
    assert "serves nobody" in faults(control(), route(branch("a"), name="own"))[0]
    assert faults(control(), route(branch("a"))) == []


@given(st.permutations([TERSE, LLM]), st.integers(0, 2))
def test_workers_that_read_in_another_order_agree(order: list[ControlEvent], place: int) -> None:
    """Of two partitions none knows which came first."""
    of = route(
        branch("a", 0.5, prompt="answer@2") if place else branch("a", 0.5),
        branch("b", 0.5, model="llm@live"),
    )
    late = [*order[:place], of, *order[place:]]
    questions = [ask(str(at)) for at in range(20)]
    one, two = control(*late), control(TERSE, LLM, of)
    assert [plans(one, each) for each in questions] == [plans(two, each) for each in questions]


@pytest.mark.parametrize(
    "branches",
    [
        [branch("a", 0.5), branch("b", 0.4)],
        [branch("a"), branch("a", 0.0)],
        [branch("a", shadow=True), branch("b")],
        [branch("a", 0.6), branch("b", 0.6)],
    ],
)
def test_a_route_that_makes_no_sense_is_no_event(branches: list[Branch]) -> None:
    """Shares that are no whole, one name twice, a shadow in the first place."""
    with pytest.raises(ValueError, match=r"share|called|shadow"):
        route(*branches)


def test_the_route_of_everybody_names_nobody() -> None:
    """It would not be everybody's."""
    with pytest.raises(ValueError, match="everybody's"):
        route(branch("a"), tenants=("acme",))


def test_a_label_is_of_its_route() -> None:
    """With or without the branch."""
    assert is_of("default", "default")
    assert is_of("default/a", "default")
    assert is_of("default/a", "default/a")
    assert not is_of("default/a", "default/b")
    assert not is_of("other/a", "default")


def test_a_route_that_changes_does_not_change_a_plan() -> None:
    """What was admitted is answered as it was."""
    made = control(route(branch("a")))
    before = shown(made)
    again(made, route(branch("b")))
    assert (before.branch, shown(made).branch) == ("a", "b")
    assert isinstance(made.of(Route)["default"], Route)
