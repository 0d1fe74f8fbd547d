"""Shares of a route: kept to, sticky, and moved without moving more than has to."""

from collections import Counter
from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.shares import branch_for, grown, shadows_of, unit_of
from schemas.control import Branch, Route
from schemas.queries import Query

UNITS = [f"acme\nsession\ns{number}" for number in range(3000)]


def branch(name: str, share: float = 1.0, **more: Any) -> Branch:
    named = {"index_version": "v1", "prompt": "answer@production", "model": "reader@1"}
    return Branch(name=name, share=share, **{**named, **more})


def route(*branches: Branch, name: str = "default", tenants: tuple[str, ...] = ()) -> Route:
    return Route(
        name=name, branches=list(branches), tenants=list(tenants), revision=1, by="a", why="", at=0
    )


@st.composite
def shares(draw: st.DrawFn) -> list[Branch]:
    """Two to five branches, and perhaps a shadow."""
    weights = draw(st.lists(st.integers(1, 20), min_size=2, max_size=5))
    made = [branch(f"b{at}", weight / sum(weights)) for at, weight in enumerate(weights)]
    if draw(st.booleans()):
        made.append(branch("unseen", 0.5, shadow=True))
    return made


def fallen(of: Route, units: list[str] = UNITS) -> dict[str, str]:
    return {unit: branch_for(of, unit).name for unit in units}


@given(shares())
def test_branches_get_their_shares(branches: list[Branch]) -> None:
    """Of 3,000 sessions, as nearly as chance has it; a shadow gets none."""
    counts = Counter(fallen(route(*branches)).values())
    for one in branches:
        wanted = 0.0 if one.shadow else one.share
        assert abs(counts[one.name] / len(UNITS) - wanted) <= 5 * sqrt(0.25 / len(UNITS))


@given(shares(), st.integers(0, 4), st.floats(0, 1))
def test_who_moves_when_a_share_grows_moves_into_it(
    branches: list[Branch], which: int, share: float
) -> None:
    """And when it shrinks, out of it: nobody else is answered otherwise than before."""
    shown = [one for one in branches if not one.shadow]
    name, before_share = (shown[which % len(shown)].name, shown[which % len(shown)].share)
    units = UNITS[:400]
    before = fallen(route(*branches), units)
    after = fallen(route(*grown(branches, name, share)), units)
    for unit in units:
        if before[unit] != after[unit]:
            assert name == (after[unit] if share >= before_share else before[unit])


@given(shares(), st.integers(0, 4), st.floats(0, 1))
def test_a_share_that_is_changed_leaves_a_whole(
    branches: list[Branch], which: int, share: float
) -> None:
    """The others keep their proportions, a shadow its share."""
    shown = [one for one in branches if not one.shadow]
    name = shown[which % len(shown)].name
    after = {one.name: one.share for one in grown(branches, name, share)}
    route(*grown(branches, name, share))  # which sees that they sum to 1
    assert after[name] == share
    assert after.get("unseen", 0.5) == 0.5
    others = [(one.share, after[one.name]) for one in shown if one.name != name]
    assert len({round(new / old, 9) for old, new in others}) == 1


def test_a_branch_that_had_everything_gives_it_back_to_the_first() -> None:
    """There are no proportions left to keep."""
    after = grown([branch("a", 0), branch("b", 0), branch("c")], "c", 0.25)
    assert [one.share for one in after] == [0.75, 0, 0.25]


@pytest.mark.parametrize(
    ("branches", "name", "share"), [([branch("a")], "b", 1.0), ([branch("a")], "a", 0.5)]
)
def test_what_leaves_questions_without_a_branch_is_refused(
    branches: list[Branch], name: str, share: float
) -> None:
    """Another name, or less than all for the only one."""
    with pytest.raises(ValueError, match=name):
        grown(branches, name, share)


def test_a_shadows_share_is_its_own() -> None:
    """The branches that are shown keep theirs."""
    before = [branch("a", 0.5), branch("b", 0.5), branch("c", 0.1, shadow=True)]
    assert grown(before, "c", 1.0) == [*before[:2], replace(before[2], share=1.0)]


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_shadow_that_grows_answers_what_it_did_and_more(one: float, other: float) -> None:
    """Question by question, all of them at 1 and none at 0."""
    less, more = sorted((one, other))

    def answered(share: float) -> set[str]:
        of = route(branch("a"), branch("s", share, shadow=True))
        return {unit for unit in UNITS[:300] if shadows_of(of, unit)}

    assert answered(less) <= answered(more)
    assert (len(answered(0.0)), len(answered(1.0))) == (0, 300)


def test_shadows_share_their_questions_by_chance() -> None:
    """Two of a half each have a quarter together."""
    both = route(branch("a"), branch("s", 0.5, shadow=True), branch("t", 0.5, shadow=True))
    counts = Counter(len(shadows_of(both, unit)) for unit in UNITS)
    assert counts[2] / len(UNITS) == pytest.approx(0.25, abs=0.04)


def query(**fields: str) -> Query:
    return Query(**{"query_id": "q", "text": "?", "tenant": "acme", **fields})  # type: ignore[arg-type]


def test_a_question_sticks_to_its_session_else_to_who_asks() -> None:
    """Of one tenant: sessions of two tenants may have one name."""
    session = query(session_id="s", user="u")
    assert unit_of(session) == unit_of(query(query_id="other", session_id="s", user="v"))
    assert unit_of(query(user="u")) == unit_of(query(query_id="other", user="u"))
    apart = [session, query(user="s"), query(query_id="s"), query(session_id="s", tenant="b")]
    assert len({unit_of(one) for one in apart}) == 4
