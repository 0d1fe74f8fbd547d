"""Answers given again from the log are the answers that were given, to the byte of the prompt."""

from typing import Any

import pytest

from processors.builtin import built_in
from processors.tokens import WORDS
from schemas.control import Tenant
from streams.clients.errors import ModelRejected
from streams.errors import ConfigError
from streams.replay.answered import NoAnswer, answer_of, answers_between
from streams.replay.folds import read_control
from streams.replay.means import Means
from streams.replay.reproducing import Reproduced, reproduce
from streams.replay.source import LogSource
from streams.replay.states import from_changes
from tests.doubles.embedder import HashEmbedder
from tests.doubles.reader import ScriptedReader
from tests.topology.driver import Topology
from tests.topology.roles import BEGIN, SECOND
from tests.topology.test_routes import SHADOW, TERSE, put
from tests.unit.processors.test_shares import branch, route

WORDS_OF = ("oder", "elbe", "source", "mouth", "bridge", "flood", "mill", "ferry")


def _text(*words: int) -> str:
    """A document of a few headings, sentences of a few words that meet again elsewhere."""
    said = [WORDS_OF[word % len(WORDS_OF)] for word in words]
    parts = (f"# On the {one}\n\nThe {one} is near the {said[0]}. See {one} too.\n" for one in said)
    return "\n".join(parts)


async def _means(topology: Topology, **changed: Any) -> Means:
    source = LogSource(topology.log)

    async def reader(model: str) -> ScriptedReader:
        return topology.readers.get(model, topology.reader)

    usual: dict[str, Any] = {
        "control": await read_control(source, built_in("scripted")),
        "opened": from_changes(source),
        "horizon": 0,
        "embedder": lambda spec: HashEmbedder(spec.embedder),
        "reader": reader,
        "usual_model": "scripted@1",
        "tokenizer": WORDS,
        "clock": topology.clock,
        "timeout_s": 5.0,
    }
    return Means(**{**usual, **changed})


async def _all(topology: Topology, **changed: Any) -> list[Reproduced]:
    """Every answer that there is, given again."""
    source = LogSource(topology.log)
    answers = await answers_between(source, 0, 10**15)
    return await reproduce(answers, await _means(topology, **changed))


def _prompts(topology: Topology) -> list[str]:
    readers = (topology.reader, *topology.readers.values())
    return [prompt for reader in readers for prompt in reader.prompts]


async def _rivers(topology: Topology) -> None:
    """Documents that change while they are asked about, by tenants who may find different ones."""
    limits = Tenant(name="acme", groups=["group:g"], revision=1, by="a", why="t", at=1)
    topology.readers["terse@1"] = ScriptedReader(lambda _: ["Bohemia. ", "[1]"])
    await put(topology, TERSE, limits, route(branch("a", dense_weight=0.8, top_k=3), SHADOW))
    acls: list[list[str] | None] = [None, ["acme"], ["group:g"], ["other"]]
    for number in range(12):
        doc = f"d{number % 4}.md"
        more = {"acl": acls[number % 4]} if acls[number % 4] is not None else {}
        topology.put(doc, _text(number, number + 1, number * 3), metadata={"k": number}, **more)
        if number == 7:
            topology.delete("d3.md")
        await topology.index_all()
        for tenant in ("acme", "other"):
            word = WORDS_OF[number % 8]
            filters = {"filters": {"k": [number, number - 1]}} if number % 3 == 0 else {}
            topology.ask(f"Where is the {word}?", f"{tenant}{number}", tenant=tenant, **filters)
        await topology.run_questions()


async def test_answers_through_updates_are_all_reproduced(topology: Topology):
    """Shadows, groups, filters, weights and deletions included: passages, prompt and answer."""
    await _rivers(topology)
    before = sorted(_prompts(topology))
    results = await _all(topology)
    assert len(results) == 48
    assert [one.reproduction for one in results if one.reproduction.verdict != "reproduced"] == []
    assert sorted(one.again.prompt for one in results if one.again and one.again.prompt) == before


async def test_without_the_model_all_but_its_answer_is_compared(topology: Topology):
    """Nothing is asked of it, and the prompt is there all the same."""
    await _rivers(topology)
    asked = len(_prompts(topology))
    results = await _all(topology, reader=None)
    assert {one.reproduction.verdict for one in results} == {"reproduced"}
    assert len(_prompts(topology)) == asked
    assert any(one.reproduction.prompt_sha256 for one in results)


async def test_once_the_plan_is_gone_the_receipt_stands_in_for_it(topology: Topology):
    """As does the question as it was asked; a shadow's is the one that it is a shadow of."""
    await _rivers(topology)
    before = sorted(_prompts(topology))
    for partition in range(topology.log.partitions):
        topology.log.trim("queries.admitted", partition, 10**9)
    results = await _all(topology)
    assert {one.reproduction.plan_from for one in results} == {"receipt"}
    assert [one.reproduction for one in results if one.reproduction.verdict != "reproduced"] == []
    assert sorted(one.again.prompt for one in results if one.again and one.again.prompt) == before


async def test_a_question_that_is_gone_is_said_to_be(topology: Topology):
    """Retention took it; the answer is no fault."""
    await _rivers(topology)
    for topic in ("queries", "queries.admitted"):
        for partition in range(topology.log.partitions):
            topology.log.trim(topic, partition, 10**9)
    results = await _all(topology)
    assert {one.reproduction.verdict for one in results} == {"explained"}
    assert {one.reproduction.differences[0].why for one in results} == {"question_gone"}


async def test_changes_without_a_beginning_explain_it(topology: Topology):
    """An index cannot be folded from half of its changes."""
    await _rivers(topology)
    topology.log.trim("index.changes", 0, 2)
    results = await _all(topology)
    assert {one.reproduction.differences[0].why for one in results} == {"changes_gone"}


async def test_what_milvus_has_dropped_is_beyond_its_horizon(topology: Topology):
    """The fold of the changes has it still."""
    await _rivers(topology)
    results = await _all(topology, horizon=topology.clock() + SECOND)
    assert {one.reproduction.differences[0].why for one in results} == {"horizon"}


async def test_another_model_under_the_name_explains_another_answer(topology: Topology):
    """As does one that is not there; passages and prompt are compared all the same."""
    await _rivers(topology)
    topology.reader.version = "scripted@2"

    async def gone(model: str) -> ScriptedReader:
        raise ModelRejected(f"no {model}")

    for changed in ({}, {"reader": gone}):
        first = (await _all(topology, **changed))[0].reproduction
        assert (first.verdict, first.differences[0].why) == ("explained", "model_gone")
        assert first.prompt_sha256 is not None


async def test_another_answer_of_the_same_model_is_a_difference(topology: Topology):
    """Nothing explains it where the model does not draw by chance."""
    await _rivers(topology)
    topology.reader.script = lambda _: ["Something else. ", "[1]"]
    verdicts = {one.reproduction.query_id: one.reproduction for one in await _all(topology)}
    assert verdicts["acme0"].verdict == "different"
    assert [one.what for one in verdicts["acme0"].differences] == ["answer"]
    assert verdicts["acme0~s"].verdict == "reproduced"


async def test_a_model_without_an_embedder_explains_it(topology: Topology):
    """Whatever the settings call it, they have none."""
    await _rivers(topology)

    def none(spec: object) -> HashEmbedder:
        raise ConfigError("no model for it")

    results = await _all(topology, embedder=none)
    assert {one.reproduction.differences[0].why for one in results} == {"embedder_gone"}


async def test_what_was_refused_was_never_retrieved(topology: Topology):
    """There is nothing to give again."""
    topology.ask("   ", "blank")
    await topology.run()
    (only,) = await _all(topology)
    assert only.reproduction.verdict == "explained"
    assert only.reproduction.differences[0].why == "no_retrieval"


async def test_one_answer_is_found_by_its_id(topology: Topology):
    """Whichever partition it is in; one that there is not is said to be missing."""
    await _rivers(topology)
    source = LogSource(topology.log)
    for query_id in ("acme3", "other5", "acme3~s"):
        found = await answer_of(source, query_id)
        assert found.response.query_id == query_id
        assert found.admitted is not None
        (only,) = await reproduce([found], await _means(topology))
        assert only.reproduction.verdict == "reproduced"
    with pytest.raises(NoAnswer):
        await answer_of(source, "nobody")


async def test_answers_are_chosen_by_when_they_were_given(topology: Topology):
    """From the first moment on, up to the last."""
    await _rivers(topology)
    source = LogSource(topology.log)
    times = sorted(one.at_ms for one in await answers_between(source, 0, 10**15))
    middle = times[len(times) // 2]
    early = await answers_between(source, BEGIN // 1000, middle)
    late = await answers_between(source, middle, (topology.clock() + SECOND) // 1000)
    assert len(early) + len(late) == len(times)
    assert max(one.at_ms for one in early) < middle <= min(one.at_ms for one in late)
