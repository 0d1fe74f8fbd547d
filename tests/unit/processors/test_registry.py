"""What a reference stands for, and what holds when it leads nowhere."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.registry import Resolved, dangling, resolve
from schemas.control import Alias, PromptVersion, Route, key_of
from tests.doubles.plans import PROMPT

SAID: dict[str, Any] = {"revision": 1, "by": "ana", "why": "a test", "at": 1}
ALIAS = Alias(name="answer@beta", of="prompt", target="answer@3", before=["answer@2"], **SAID)


def control(*events: Any) -> Control:
    made = Control(built_in("reader"))
    for event in events:
        assert made.observe(event) is None
    return made


def number(version: int, **fields: Any) -> PromptVersion:
    return replace(PROMPT, version=version, **{**SAID, **fields})


def route(prompt: str, model: str = "reader@1") -> Route:
    (default,) = control().of(Route).values()
    return replace(
        default, branches=[replace(default.branches[0], prompt=prompt, model=model)], **SAID
    )


def test_a_version_stands_for_itself_and_an_alias_for_its_target():
    """Of prompts and of models."""
    fast = Alias(name="reader@fast", of="model", target="reader@7", **SAID)
    made = control(number(3), ALIAS, fast)
    assert resolve(made, "prompt", "answer@3") == Resolved("answer@3")
    assert resolve(made, "prompt", "answer@beta") == Resolved("answer@3")
    assert resolve(made, "prompt", "answer@production") == Resolved("answer@1")
    assert resolve(made, "model", "reader@fast") == Resolved("reader@7")
    assert resolve(made, "model", "reader@9") == Resolved("reader@9")
    assert list(dangling(made)) == []


@pytest.mark.parametrize(
    ("events", "version", "wrong"),
    [
        ([ALIAS], "answer@1", "prompt answer@3 does not exist"),
        ([ALIAS, number(2)], "answer@2", "answer@beta: the prompt answer@3 does not exist"),
        ([ALIAS, number(3, removed=True)], "answer@3", "answer@3 was removed"),
        ([replace(ALIAS, removed=True), number(3)], "answer@3", "answer@beta was removed"),
        ([], "answer@1", "answer@beta was never set"),
    ],
)
def test_what_was_in_force_stays_in_force(events: list[Any], version: str, wrong: str):
    """An earlier target, what was removed under somebody's feet, or what is built in."""
    found = resolve(control(*events), "prompt", "answer@beta")
    assert found.version == version
    assert found.wrong is not None
    assert wrong in found.wrong


def test_a_model_alias_that_was_never_set_stands_for_the_built_in_model():
    """Which can answer anybody."""
    found = resolve(control(), "model", "reader@fast")
    assert (found.version, found.wrong) == ("reader@1", "the model alias reader@fast was never set")


def test_what_names_something_that_is_not_is_listed():
    """Aliases and branches, each with its reason."""
    made = control(ALIAS, route("answer@9", "reader@fast"))
    assert [name for name, _ in dangling(made)] == [
        "alias/prompt/answer@beta",
        "route/default",
        "route/default",
    ]


events = st.lists(
    st.builds(number, st.integers(1, 4), removed=st.booleans())
    | st.builds(
        lambda target, before, removed: replace(
            ALIAS, target=f"answer@{target}", before=before, removed=removed
        ),
        st.integers(1, 5),
        st.lists(st.sampled_from(["answer@1", "answer@2", "answer@5"]), max_size=3),
        st.booleans(),
    ),
    max_size=6,
)


@given(events)
def test_a_reference_always_leads_to_a_prompt_that_there_is(found: list[Any]):
    """Whatever the log says, a question has a prompt, and the same one for who began late."""
    made = Control(built_in("reader"))
    for event in found:
        made.observe(replace(event, revision=made.revision(key_of(event)) + 1))
    late = Control(built_in("reader"))
    for event in [*made.all(PromptVersion).values(), *made.all(Alias).values()][::-1]:
        late.observe(event)
    for reference in ("answer@beta", "answer@production", "answer@2", "answer@5", "none@1"):
        resolved = resolve(made, "prompt", reference)
        assert resolved.version in made.all(PromptVersion)
        assert resolve(late, "prompt", reference) == resolved
