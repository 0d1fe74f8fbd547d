"""Prompts changed while questions are asked: the receipt names the one that was rendered."""

from typing import Any

import pytest
from msgspec.structs import replace

from processors.prompt import TEMPLATE
from schemas.codec import encode
from schemas.control import Alias, ControlEvent, PromptVersion, Variable, key_of
from tests.doubles.plans import PROMPT
from tests.topology.driver import Topology
from tests.topology.roles import die, refuse, turns

SAID: dict[str, Any] = {"revision": 1, "by": "ana", "why": "a test", "at": 1}
RIVER = "The river Oder rises in the Czech Republic. It flows into the Baltic Sea at last."
QUESTION = "Where does the river Oder rise?"


def version(number: int, greeting: str, *variables: Variable, **fields: Any) -> PromptVersion:
    """A prompt that begins otherwise."""
    return replace(
        PROMPT,
        version=number,
        template=f"{greeting}\n{TEMPLATE}",
        variables=list(variables),
        **{**SAID, **fields},
    )


def alias(target: str, revision: int = 1, *before: str) -> Alias:
    """What `answer@production` stands for."""
    said = {**SAID, "revision": revision}
    return Alias(name="answer@production", of="prompt", target=target, before=list(before), **said)


async def change(topology: Topology, *events: ControlEvent) -> None:
    """Write changes, and let every worker see them."""
    for event in events:
        topology.log.append("control", key_of(event), encode(event))
    await turns()


async def asked(topology: Topology, query_id: str, **more: Any) -> tuple[str, str]:
    """A question's prompt by its receipt, and as the model had it."""
    topology.ask(QUESTION, query_id, **more)
    await topology.run_questions()
    receipt = topology.response(query_id).receipt
    assert receipt is not None
    return receipt.prompt, topology.reader.prompts[-1]


@pytest.fixture
async def known(topology: Topology) -> Topology:
    """A document in the index."""
    topology.put("oder.md", RIVER, title="Oder")
    await topology.run()
    return topology


async def test_an_alias_that_moves_changes_the_next_answer_and_back(known: Topology) -> None:
    """The receipt names the version, not the alias."""
    assert (await asked(known, "q1"))[0] == "answer@1"
    await change(known, version(2, "Hello."), alias("answer@2", 1, "answer@1"))
    prompt, text = await asked(known, "q2")
    assert (prompt, text.splitlines()[0]) == ("answer@2", "Hello.")
    await change(known, alias("answer@1", 2))
    prompt, text = await asked(known, "q3")
    assert (prompt, text) == ("answer@1", known.reader.prompts[0])


async def test_a_question_under_way_is_answered_as_it_was_admitted(known: Topology) -> None:
    """Its prompt stands in its plan, wholly the old one."""
    known.ask(QUESTION)
    await known.admission.drain()
    await change(known, version(2, "Hello."), alias("answer@2"))
    await known.run_questions()
    receipt = known.response().receipt
    assert receipt is not None
    assert receipt.prompt == "answer@1"
    assert known.reader.prompts[-1].startswith(TEMPLATE[:40])


@pytest.mark.parametrize("point", ["before the response", "after it", "before ack"])
async def test_a_worker_that_dies_answers_by_the_prompt_of_the_plan(
    known: Topology, point: str
) -> None:
    """However the alias has moved since; once."""
    await change(known, version(2, "Hello."), alias("answer@2"))
    known.ask(QUESTION)
    await known.admission.drain()
    match point:
        case "before the response":
            known.log.before_append = refuse("responses")
        case "after it":
            known.log.after_append = refuse("responses")
        case _:
            known.answerer.group.before_ack = die
    await known.answerer.dies()
    known.heal()
    await change(known, alias("answer@1", 2))
    await known.answerer.start()
    await known.run_questions()
    receipt = known.response().receipt
    assert receipt is not None
    assert receipt.prompt == "answer@2"
    assert all(text.startswith("Hello.") for text in known.reader.prompts)


async def test_an_alias_that_dangles_keeps_what_was_in_force(known: Topology) -> None:
    """Written past the commands; a worker that starts late agrees with the rest."""
    await change(known, version(2, "Hello."), alias("answer@2"))
    await change(known, alias("answer@9", 2, "answer@2"))
    assert (await asked(known, "q1"))[0] == "answer@2"
    known.log.compact("control")
    await known.admission.restart()
    assert (await asked(known, "q2"))[0] == "answer@2"


async def test_a_removed_version_still_answers_for_who_names_it(known: Topology) -> None:
    """Nobody's questions fail because somebody tidied up past the commands."""
    two = version(2, "Hello.")
    await change(known, two, alias("answer@2"), replace(two, revision=2, removed=True))
    assert (await asked(known, "q1"))[0] == "answer@2"


async def test_a_question_fills_the_variables_it_may(known: Topology) -> None:
    """Its own values and what is known of it; sampling goes to the model."""
    two = version(
        2,
        "For {{tenant}} as {{tone}}, on {{as_of}}.",
        Variable(name="tenant", max_length=128),
        Variable(name="tone", default="plain", max_length=10),
        parameters={"temperature": 0.5},
    )
    await change(known, two, alias("answer@2"))
    _, text = await asked(known, "q1", variables={"tone": "{{tenant}}", "tenant": "x"})
    assert text.splitlines()[0] == "For acme as {{tenant}}, on 2023-11-14."
    assert known.reader.sampling[-1] == {"temperature": 0.5}


async def test_a_value_that_is_too_long_fails_its_question_by_name(known: Topology) -> None:
    """Not the worker, nor the next question."""
    two = version(2, "Be {{tone}}.", Variable(name="tone", default="plain", max_length=8))
    await change(known, two, alias("answer@2"))
    known.ask(QUESTION, "long", variables={"tone": "very polite"})
    await known.run_questions()
    error = known.response("long").error
    assert error is not None
    assert error.type == "invalid_query"
    assert "tone is 11 characters long" in error.message
    assert (await asked(known, "q2"))[0] == "answer@2"


async def test_passages_that_do_not_fit_are_neither_read_nor_in_the_receipt(
    known: Topology,
) -> None:
    """The last ones stay out, whole; what the receipt names is what the model had."""
    long = " ".join(f"The river Oder rises {word}." for word in ("here", "there") * 45)
    for number in range(20):
        known.put(f"{number}.md", f"{long} It is river number {number}.", title=f"Oder {number}")
    await known.index_all()
    two = version(2, "Hello.", Variable(name="passages", max_length=8192))
    await change(known, two, alias("answer@2"))
    _, text = await asked(known, "q1", top_k=20)
    receipt = known.response("q1").receipt
    assert receipt is not None
    assert 1 <= len(receipt.passages) < 20
    assert text.count("\n</passage>") == len(receipt.passages)
    assert len(text) < 8192 + len(two.template) + len(QUESTION)
