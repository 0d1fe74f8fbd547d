"""Prompts on the real stack: changed live, seen in receipts, fought over, and taken back."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from processors.builtin import built_in
from processors.prompt import TEMPLATE
from schemas.codec import encode
from schemas.control import Alias, key_of
from schemas.envelope import headers
from schemas.topics import type_of
from streams.config import Settings
from streams.control import Conflict, put
from streams.prompts.registry import Prompts
from streams.said import Said
from tests.doubles.client import Client, eventually
from tests.doubles.stack import TestStack

LIVE_S = 1.0
"""Within so long a change has to be in force everywhere."""

ALIAS = "answer@production"
QUESTION = "What colour is the lamp?"


def short(greeting: str) -> str:
    """Another prompt, which the reader understands as well."""
    return f"{greeting}\n{TEMPLATE}"


@pytest.fixture
async def prompts(client: Client, settings: Settings, own: str) -> AsyncIterator[Prompts]:
    """The registry of the running stack, whose alias goes back where it was."""
    base = built_in(settings.triton.reader)
    await client.put_shown(f"{own}/lamp", "# Lamp\n\nThe lamp is green.\n", acl=[own])
    found = await Prompts.read(client.log, base)
    before = found.get(ALIAS)
    yield found
    after = await Prompts.read(client.log, base)
    await after.point(ALIAS, f"{before.name}@{before.version}", said("put back"))


def said(why: str) -> Said:
    return Said(by="ana", why=why, at=time.time_ns() // 1000)


async def added(prompts: Prompts, text: str) -> str:
    """The next version of `answer`."""
    made = prompts.drafted("answer", {"template": text}, "a test", said("a test"))
    await prompts.add(made)
    return f"{made.name}@{made.version}"


async def named(client: Client, own: str) -> str:
    """The prompt that the receipt of an answer given now names."""
    response = await client.ask(QUESTION, tenant=own)
    assert response.status == "answered"
    assert "green" in response.answer
    assert response.receipt is not None
    return response.receipt.prompt


async def test_a_moved_alias_is_in_the_next_receipts_within_a_second(
    client: Client, prompts: Prompts, own: str
) -> None:
    """Forth, by rollback back, and forth again: for every question asked a second later."""
    first = await named(client, own)
    second = await added(prompts, short("Hello."))
    assert await named(client, own) == first
    for move, expected in (
        (prompts.point(ALIAS, second, said("try it")), second),
        (prompts.rollback(ALIAS, said("worse")), first),
        (prompts.point(ALIAS, second, said("no, better")), second),
    ):
        await move
        await asyncio.sleep(LIVE_S)
        assert {await named(client, own) for _ in range(5)} == {expected}


async def test_no_question_fails_while_prompts_change(
    client: Client, prompts: Prompts, own: str
) -> None:
    """Each is answered by the one or the other, whichever was in force when it was admitted."""
    versions = [await added(prompts, short(f"Hello {number}.")) for number in range(3)]
    asking = [await client.send_query(QUESTION, tenant=own) for _ in range(3)]
    for version in versions:
        await prompts.point(ALIAS, version, said("next"))
        asking += [await client.send_query(QUESTION, tenant=own) for _ in range(4)]
    responses = [await client.response(query_id) for query_id in asking]
    assert {one.status for one in responses} == {"answered"}
    used = [one.receipt.prompt for one in responses if one.receipt is not None]
    assert used[-1] in versions
    assert set(used) <= {*versions, *used[:3]}


async def test_two_people_who_move_one_alias_get_a_conflict(
    client: Client, prompts: Prompts, settings: Settings, own: str
) -> None:
    """Both saw the same; the first counts for everybody, the second is told, and nothing else."""
    one, other = await added(prompts, short("One.")), await added(prompts, short("Other."))
    ben = await Prompts.read(client.log, built_in(settings.triton.reader))
    await prompts.point(ALIAS, one, said("mine"))
    with pytest.raises(Conflict, match="changed by ana at the same time"):
        await ben.point(ALIAS, other, said("mine")._replace(by="ben"))
    await asyncio.sleep(LIVE_S)
    assert await named(client, own) == one


async def test_an_alias_that_leads_nowhere_keeps_what_was_in_force(
    client: Client, prompts: Prompts, own: str, stack: TestStack
) -> None:
    """Written past the commands: questions are answered, and the steward tells of it."""
    good = await added(prompts, short("Good."))
    await prompts.point(ALIAS, good, said("good"))
    alias = prompts.control.of(Alias)[f"prompt/{ALIAS}"]
    lost = replace(
        alias, target="answer@999", before=[good, *alias.before], revision=alias.revision + 1
    )
    await client.log.send(
        "control", key_of(lost), encode(lost), headers(type_of(lost), source="t", time=1)
    )
    await asyncio.sleep(LIVE_S)
    assert await named(client, own) == good
    listed = stack.freshet("prompts", "list")
    assert f"{ALIAS}: the prompt answer@999 does not exist" in listed.stdout

    async def told() -> bool:
        return "answer@999" in (stack.state_dir / "logs" / "steward.log").read_text()

    await eventually(told, "the steward's word")
    with pytest.raises(Conflict):
        await put(client.log, replace(alias, target=good, revision=lost.revision))


async def test_a_prompt_that_cannot_be_filled_is_put_aside(
    client: Client, prompts: Prompts
) -> None:
    """By the steward; nobody can name it, and its number is free."""
    made = prompts.drafted("answer", {"template": TEMPLATE}, "a test", said("a test"))
    bad = replace(made, template="Question: {{question}} for {{nobody}}")
    landed = await client.log.send(
        "control", key_of(bad), encode(bad), headers(type_of(bad), source="t", time=1)
    )
    letter = await client.dead_letter(landed)
    assert (letter.role, letter.reason) == ("steward", "invalid")
    assert "{{passages}} is missing" in letter.message
    assert await added(prompts, TEMPLATE) == f"answer@{made.version}"


async def test_the_commands_do_the_same(
    client: Client, prompts: Prompts, own: str, stack: TestStack, tmp_path: Path
) -> None:
    """From a file to the next answer, and back with one command; MLflow has them all."""
    file = tmp_path / "lamp.yaml"
    text = f"Be {{{{tone}}}} to {{{{tenant}}}} on {{{{as_of}}}}.\n{TEMPLATE}"
    variables = [{"name": "tenant"}, {"name": "as_of"}, {"name": "tone", "default": "plain"}]
    file.write_text(json.dumps({"template": text, "variables": variables}))
    before = await named(client, own)
    assert stack.freshet("prompts", "check", str(file)).returncode == 0
    add = stack.freshet(
        *("prompts", "add", "answer", str(file), "--why", "a tone", "--alias", "production")
    )
    assert add.returncode == 0, add.stderr
    assert await named(client, own) == add.stdout.strip()
    back = stack.freshet("prompts", "rollback", ALIAS)
    assert back.stdout == f"{ALIAS} stands for {before}\n", back.stderr
    await asyncio.sleep(LIVE_S)
    assert await named(client, own) == before
    uri = ("--uri", f"sqlite:///{tmp_path}/mlflow.db")
    given = stack.freshet("prompts", "export", "answer", *uri, "--json")
    assert given.returncode == 0, given.stderr
    assert add.stdout.strip() in json.loads(given.stdout)["versions"]
    taken = stack.freshet("prompts", "import", "answer", *uri, "--json")
    assert json.loads(taken.stdout)["versions"] == [], taken.stderr
    assert json.loads(taken.stdout)["refused"] == []
