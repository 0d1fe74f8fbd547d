"""Answers of the real stack, given again: through updates, from the log and from Milvus."""

import json
from collections.abc import Sequence

import pytest

from streams.clients.kafka import Log
from streams.config import Settings
from streams.replay.answered import answer_of
from streams.replay.atreach import IndexFrom, means_of
from streams.replay.reproducing import Reproduced, reproduce
from streams.replay.source import LogSource
from tests.doubles.client import Client
from tests.doubles.stack import TestStack

COLOURS = ("red", "green", "blue", "white", "black", "amber")
ROOMS = ("hall", "attic", "cellar")


@pytest.fixture(scope="module")
async def asked(client: Client) -> list[str]:
    """Questions asked of documents that changed meanwhile: their ids."""
    tenant, ids = "replayed", []
    for turn, colour in enumerate(COLOURS):
        for room in ROOMS:
            text = f"# The {room}\n\nThe lamp of the {room} is {colour}. It has {turn} bulbs.\n"
            name = f"{tenant}/{room}"
            write = await client.put(name, text, acl=[tenant], metadata={"turn": turn})
            ids.append(await client.send_query(f"What colour is the {room}'s lamp?", tenant=tenant))
        if turn == 3:
            write = await client.delete(f"{tenant}/attic")
        await client.shown(write)
        filters = {"turn": turn} if turn % 2 else None
        question = "Which lamp has bulbs?"
        ids.append(await client.send_query(question, tenant=tenant, filters=filters, top_k=2))
    for query_id in ids:
        await client.response(query_id)
    return ids


async def again(
    settings: Settings, ids: Sequence[str], index: IndexFrom, *, with_model: bool
) -> list[Reproduced]:
    """These answers, given again."""
    source = LogSource(Log(settings.kafka))
    answers = [await answer_of(source, query_id) for query_id in ids]
    async with means_of(settings, source, index, with_model=with_model) as means:
        return await reproduce(answers, means)


@pytest.mark.parametrize("index", ["log", "milvus"])
async def test_answers_through_updates_are_all_reproduced(
    settings: Settings, asked: list[str], index: IndexFrom
) -> None:
    """The same passages in the same order, the same tokens in the prompt, the same answer."""
    results = await again(settings, asked, index, with_model=True)
    assert [one.reproduction for one in results if one.reproduction.verdict != "reproduced"] == []
    assert {one.reproduction.asked_model for one in results} == {True}
    assert len({one.reproduction.as_of for one in results}) > len(COLOURS)
    assert len({tuple(one.reproduction.passages) for one in results}) > len(COLOURS)


def test_the_command_shows_what_the_model_was_asked(stack: TestStack, asked: list[str]) -> None:
    """And says by its exit code that all was as it was."""
    done = stack.freshet("replay", "answer", asked[-1], "--show-prompt", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "reproduced"
    assert "Question: Which lamp has bulbs?" in found["prompt"]


def test_an_answer_that_there_is_not_is_told_so(stack: TestStack) -> None:
    """In one line, with what to look for."""
    done = stack.freshet("replay", "answer", "nobody-asked-this")
    assert done.returncode == 1
    assert "no response to nobody-asked-this" in done.stderr


def test_all_answers_of_a_time_are_counted(stack: TestStack, asked: list[str]) -> None:
    """Those of this stack within the hour: none is different."""
    done = stack.freshet("replay", "answers", "--from", "1h", "--json")
    *each, counts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in each if one["verdict"] == "different"] == []
    assert done.returncode == 0
    assert counts["answers"] == len(each) >= len(asked)
    assert counts["reproduced"] >= len(asked)


def test_a_time_without_answers_is_told(stack: TestStack) -> None:
    """Nothing is not everything in order."""
    done = stack.freshet("replay", "answers", "--from", "2001-01-01T00:00:00Z", "--to", "2d")
    assert done.returncode == 1
    assert "no answer was given in that time" in done.stderr
