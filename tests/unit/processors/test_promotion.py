"""What is in force in one environment, taken to another."""

from typing import Any

import msgspec
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.promotion import KINDS, USUAL, Step, exported, steps
from schemas.control import Alias, ControlEvent, PromptVersion, Route

BASE = built_in("reader")
WHO = {"by": "ana", "why": "tried in staging", "at": 7}
SAID: dict[str, Any] = {"revision": 1, "by": "ben", "why": "shorter", "at": 1}
PROMPT = next(event for event in BASE if isinstance(event, PromptVersion))
ALIAS = next(event for event in BASE if isinstance(event, Alias))
ROUTE = next(event for event in BASE if isinstance(event, Route))
NEWER = replace(PROMPT, version=2, template=f"Briefly. {PROMPT.template}", **SAID)
MOVED = replace(ALIAS, target="answer@2", **SAID)


def control(*events: ControlEvent) -> Control:
    """An environment after these events."""
    made = Control(BASE)
    for event in events:
        assert made.observe(event) is None
    return made


def outcomes(found: list[Step]) -> list[tuple[str, str]]:
    """Key and outcome of each step."""
    return [(step.key, step.outcome) for step in found]


def taken(target: Control, *events: ControlEvent) -> list[Step]:
    """What taking these in comes to."""
    return steps(target, events, **WHO)


def test_what_builds_on_something_comes_after_it() -> None:
    """Whatever the order in the file."""
    found = taken(control(), replace(ROUTE, **SAID), MOVED, NEWER)
    assert outcomes(found) == [
        ("prompt/answer@2", "new"),
        ("alias/prompt/answer@production", "changed"),
        ("route/default", "same"),
    ]


def test_each_event_is_written_as_the_next_revision_with_its_history() -> None:
    """By whoever takes it in; who made it where it comes from is told behind the reason."""
    target = control(NEWER, replace(MOVED, target="answer@1"))
    (step,) = taken(target, replace(MOVED, revision=9, before=["answer@7"]))
    assert isinstance(step.event, Alias)
    assert (step.event.revision, step.event.by, step.event.at) == (2, "ana", 7)
    assert step.event.why == "tried in staging; ben: shorter"
    assert step.event.before == ["answer@1"], "what it stood for elsewhere is no way back here"


def test_taking_in_the_same_twice_changes_nothing() -> None:
    """Whoever wrote it, and whatever its revision was."""
    target = control()
    first = taken(target, NEWER, MOVED)
    again = taken(target, NEWER, MOVED)
    assert {step.outcome for step in first} == {"new", "changed"}
    assert {step.outcome for step in again} == {"same"}


def test_what_would_name_what_is_not_there_is_refused() -> None:
    """An alias without its version, a route without its index."""
    branch = replace(ROUTE.branches[0], index_version="v9")
    found = taken(control(), MOVED, replace(ROUTE, branches=[branch], **SAID))
    assert [outcome for _, outcome in outcomes(found)] == ["refused", "refused"]
    assert "answer@2" in found[0].reason
    assert "v9" in found[1].reason


def test_another_text_under_a_number_that_is_taken_is_refused() -> None:
    """A version never changes, wherever it comes from."""
    (step,) = taken(control(replace(NEWER, template=f"At length. {PROMPT.template}")), NEWER)
    assert (step.outcome, [change.field for change in step.changes]) == ("refused", ["template"])


def test_what_is_exported_is_what_was_set_and_is_in_force() -> None:
    """Of the kinds asked for: nothing built in, nothing removed, and never a key."""
    source = control(NEWER, MOVED, replace(MOVED, revision=2, removed=True, target="answer@1"))
    assert exported(source, USUAL) == [NEWER]
    assert exported(control(), list(KINDS)) == []
    assert exported(control(NEWER, MOVED), USUAL, "alias/") == [MOVED]
    assert {"key", "environment", "index"}.isdisjoint(KINDS)


def test_what_is_exported_can_be_taken_in_and_exported_again() -> None:
    """It says the same there."""
    source, target = control(NEWER, MOVED), control()
    for step in taken(target, *exported(source, USUAL)):
        assert step.outcome != "refused"
    again = exported(target, USUAL)
    for one, other in zip(exported(source, USUAL), again, strict=True):
        plain = [msgspec.to_builtins(replace(each, **SAID)) for each in (one, other)]
        for each in plain:
            each.pop("before", None)
        assert plain[0] == plain[1]
