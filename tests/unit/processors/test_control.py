"""What is in force: the same whoever reads the log, from wherever it was compacted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.prompt import TEMPLATE
from schemas.control import (
    Alias,
    ApiKey,
    Calibration,
    IndexVersion,
    PromptVersion,
    Route,
    key_of,
)
from schemas.examples import EXAMPLES

ALIAS: Alias = EXAMPLES[Alias]  # type: ignore[assignment]
KEY: ApiKey = EXAMPLES[ApiKey]  # type: ignore[assignment]
VERSION: IndexVersion = EXAMPLES[IndexVersion]  # type: ignore[assignment]


def first(event: Any) -> Any:
    return replace(event, revision=1)


def after(*events: Any) -> Control:
    control = Control()
    for event in events:
        control.observe(event)
    return control


def test_a_change_counts_only_on_the_revision_before_it() -> None:
    """Of two on one revision the first counts, and the second is told whose."""
    control = Control()
    assert control.observe(first(ALIAS)) is None
    assert control.observe(replace(ALIAS, revision=2, target="answer@2", by="ben")) is None
    refused = control.observe(replace(ALIAS, revision=2, target="answer@3"))
    assert refused is not None
    assert "ben" in refused
    assert control.observe(replace(ALIAS, revision=4)) is not None
    found = control.of(Alias)["prompt/answer@production"]
    assert (found.target, control.revision(key_of(ALIAS))) == ("answer@2", 2)


def test_what_is_removed_is_not_in_force_and_can_be_set_again() -> None:
    """Its revisions go on."""
    control = after(first(ALIAS), replace(ALIAS, revision=2, removed=True))
    assert control.of(Alias) == {}
    assert list(control.all(Alias)) == ["prompt/answer@production"]
    assert control.observe(replace(ALIAS, revision=3)) is None
    assert list(control.of(Alias)) == ["prompt/answer@production"]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (PromptVersion, {"template": TEMPLATE, "variables": [], "checks": None}),
        (Calibration, {"points": [(0.0, 0.0), (1.0, 1.0)]}),
        (Calibration, {"threshold": 0.6}),
        (ApiKey, {"hash": "0" * 64}),
        (ApiKey, {"tenant": "other"}),
    ],
)
def test_a_version_never_changes(kind: Any, change: dict[str, Any]) -> None:
    """Another text, another curve, another secret: each is another version."""
    one = first(EXAMPLES[kind])
    control = after(one)
    assert control.observe(replace(one, revision=2, **change)) is not None
    assert control.get(key_of(one)) == one


def test_an_index_version_goes_on_and_never_back() -> None:
    """It is built, serves, and is retired for good: what it had is dropped in the end."""
    building = replace(VERSION, revision=1, state="building", complete_from=None)
    serving = replace(building, revision=2, state="serving", complete_from=7)
    control = after(building, serving)
    assert control.observe(replace(building, revision=3)) is not None
    assert control.observe(replace(serving, revision=3, state="retired")) is None
    assert control.observe(replace(serving, revision=4)) is not None
    assert control.of(IndexVersion)[VERSION.name].state == "retired"


@pytest.mark.parametrize(
    "change", [{"name": "No Such"}, {"chunk": {"unit_most": 1}}, {"lexical": {"b": 2.0}}]
)
def test_an_index_version_that_cannot_be_made_does_not_count(change: dict[str, Any]) -> None:
    """Whether it is the first of its name or not."""
    control = Control()
    assert control.observe(replace(VERSION, **change)) is not None
    assert control.of(IndexVersion) == {}


def test_a_keys_revocation_counts_at_any_revision_and_for_good() -> None:
    """Who revokes is in a hurry, and nothing later brings the key back."""
    control = after(first(KEY), replace(KEY, revision=9, removed=True))
    assert control.observe(replace(KEY, revision=10)) is not None
    assert control.of(ApiKey) == {}


def test_what_is_built_in_holds_until_the_log_says_otherwise() -> None:
    """At whatever revision: those before it may be compacted away."""
    control = Control(built_in("reader"))
    key = "route/default"
    route = control.of(Route)["default"]
    assert control.revision(key) == 0
    assert control.observe(replace(route, revision=7, why="mine")) is None
    assert control.revision(key) == 7
    assert control.observe(replace(route, revision=1)) is not None


def test_where_something_was_removed_what_is_built_in_holds_again() -> None:
    """As if nobody had ever set it; its revisions go on all the same."""
    control = Control(built_in("reader"))
    base = control.of(Route)["default"]
    control.observe(replace(base, revision=1, why="mine"))
    assert control.observe(replace(base, revision=2, why="no more", removed=True)) is None
    assert control.of(Route)["default"] == base
    assert control.revision("route/default") == 2


def test_a_built_in_version_cannot_be_given_another_text() -> None:
    """Its name is in receipts."""
    control = Control(built_in("reader"))
    (one,) = control.of(PromptVersion).values()
    assert control.observe(replace(one, template=f"{TEMPLATE} ")) is not None


def test_a_prompt_that_could_not_be_filled_counts_nowhere() -> None:
    """Who followed it would fail every question."""
    (one,) = Control(built_in("reader")).of(PromptVersion).values()
    control = Control()
    refused = control.observe(replace(one, template="{{passages}}\nAnswer:"))
    assert refused == "prompt/answer@1: {{question}} is missing"
    assert control.all(PromptVersion) == {}
    assert control.observe(one) is None


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 3)), max_size=12))
def test_compaction_that_keeps_what_counts_changes_nothing(
    steps: list[tuple[int, bool, int]],
) -> None:
    """The steward writes what counts behind what does not; the last of each key then suffices."""
    control, log = Control(), []
    for revision, removed, name in steps:
        event = replace(
            ALIAS,
            revision=revision,
            removed=removed,
            name=f"a{name}@live",
            why=str(len(log)),
        )
        log.append(event)
        if control.observe(event) is not None:
            kept = control.get(key_of(event))
            assert kept is not None
            log.append(kept)  # type: ignore[arg-type]
    last = {key_of(event): event for event in log}
    assert after(*last.values()).all(Alias) == control.all(Alias)
