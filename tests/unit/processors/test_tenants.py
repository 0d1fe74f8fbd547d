"""What a tenant may ask for, and whose ids are whose."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.builtin import built_in
from processors.control import Control
from processors.refusal import Refused
from processors.routes import plans
from processors.tenants import Beyond, bounded, keeper_of, permitted, tenant_in
from schemas.control import Tenant, TenantLimits
from schemas.queries import Query

NOW = 1_760_000_000_000_000
HOUR = 3_600_000_000


def tenant(name: str = "acme", revision: int = 1, **fields: object) -> Tenant:
    """A tenant's event."""
    said = {"kind": "tenant", "by": "ana", "why": "", "at": NOW, "revision": revision}
    return msgspec.convert({**said, "name": name, **fields}, Tenant)


def control(*events: Tenant) -> Control:
    """What is in force after these."""
    made = Control(built_in("reader"))
    for event in events:
        assert made.observe(event) is None
    return made


def query(**fields: object) -> Query:
    """A question."""
    return msgspec.convert({"query_id": "q", "text": "why?", "tenant": "acme", **fields}, Query)


def test_a_tenant_of_whom_nothing_was_said_may_ask_as_ever() -> None:
    """It has no groups and nobody's limits but everybody's."""
    asked = query(top_k=50, max_tokens=4096, as_of=1)
    assert permitted(control(), asked, NOW) == asked
    assert tenant_in(control(), "acme").groups == []


def test_a_removed_tenant_is_as_if_nothing_had_been_said() -> None:
    """Its groups and limits are gone with it."""
    made = control(
        tenant(groups=["group:g"], suspended=True), tenant(revision=2, removed=True, suspended=True)
    )
    assert permitted(made, query(), NOW) == query()


def test_a_suspended_tenant_asks_nothing() -> None:
    """Until it is resumed."""
    suspended = tenant(suspended=True)
    with pytest.raises(Refused, match="suspended"):
        permitted(control(suspended), query(), NOW)
    assert permitted(control(suspended, tenant(revision=2)), query(), NOW) == query()


def test_a_group_does_not_ask() -> None:
    """Who calls itself by its name finds nothing of what it was given."""
    with pytest.raises(Refused, match="group"):
        permitted(control(), query(tenant="group:staff"), NOW)


@pytest.mark.parametrize(
    ("limits", "fields", "at_fault"),
    [
        ({"question_characters": 3}, {}, "text"),
        ({"top_k": 4}, {"top_k": 6}, "top_k"),
        ({"max_tokens": 100}, {"max_tokens": 101}, "max_tokens"),
        ({"past_s": 3600}, {"as_of": NOW - HOUR - 1}, "as_of"),
        ({"past_s": 0}, {"as_of": NOW - 1}, "as_of"),
        ({"past_s": 3600}, {"as_of": "2020-01-01T00:00:00Z"}, "as_of"),
    ],
)
def test_a_question_beyond_its_tenants_limits_is_refused(
    limits: dict[str, int], fields: dict[str, object], at_fault: str
) -> None:
    """It says which field it is."""
    with pytest.raises(Beyond) as refused:
        permitted(control(tenant(limits=limits)), query(**fields), NOW)
    assert refused.value.field == at_fault


@given(
    st.builds(TenantLimits, top_k=st.none() | st.integers(1, 50), max_tokens=st.integers(1, 4096)),
    st.none() | st.integers(1, 50),
    st.none() | st.integers(1, 4096),
)
def test_what_is_asked_stays_within_the_limits_or_is_refused(
    limits: TenantLimits, top_k: int | None, max_tokens: int | None
) -> None:
    """What the question leaves open is lowered; what it says is never changed."""
    said = {"top_k": top_k, "max_tokens": max_tokens}
    asked = query(**{name: value for name, value in said.items() if value is not None})
    try:
        found = bounded(asked, limits, NOW)
    except Beyond:
        assert asked.top_k > (limits.top_k or 50) or asked.max_tokens > (limits.max_tokens or 4096)
        return
    assert found.top_k <= (limits.top_k or 50)
    assert found.max_tokens <= (limits.max_tokens or 4096)
    assert found.top_k == asked.top_k or asked.top_k == 5
    assert found.max_tokens == asked.max_tokens or asked.max_tokens == 256


def test_groups_go_with_the_plan_of_each_question() -> None:
    """Those of the moment it is planned."""
    before = control(tenant(groups=["group:g", "group:h"]))
    assert [plan.groups for plan in plans(before, query())] == [["group:g", "group:h"]]
    assert before.observe(tenant(revision=2, groups=["group:h"])) is None
    assert [plan.groups for plan in plans(before, query())] == [["group:h"]]
    assert [plan.groups for plan in plans(before, query(tenant="Acme"))] == [[]]


def test_an_id_is_kept_by_the_longest_prefix() -> None:
    """Whatever is in it: a prefix is text, and no pattern."""
    made = control(
        tenant("acme", prefix="acme/"), tenant("sub", prefix="acme/sub/"), tenant("odd", prefix="%")
    )
    found = {
        doc_id: keeper_of(made, doc_id)
        for doc_id in ("acme/x", "acme/sub/x", "acme", "Acme/x", "x/acme/", "%x", "other")
    }
    assert found == {
        "acme/x": "acme/",
        "acme/sub/x": "acme/sub/",
        "acme": None,
        "Acme/x": None,
        "x/acme/": None,
        "%x": "%",
        "other": None,
    }
