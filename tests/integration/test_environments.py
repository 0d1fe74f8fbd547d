"""Two environments on one broker and one Milvus: neither sees anything of the other."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from pymilvus import MilvusClient

from streams.clients.kafka import client_options
from streams.config import ROOT, Settings
from tests.doubles.client import Client
from tests.doubles.stack import TestStack

PREFIX = "staging."
ROLES = ("indexer", "writer", "admission", "answerer", "steward")
TEXT = "# Ferry\n\nThe night ferry leaves the harbour at {hour} o'clock.\n"
QUESTION = "When does the night ferry leave the harbour?"
NAMES = ("topics", "groups", "collections")


@pytest.fixture(scope="module")
def staging(stack: TestStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """Workers of their own behind a prefix, on the servers of the shared stack."""
    shared = stack.values
    beside = TestStack(
        tmp_path_factory.mktemp("staging"),
        only=ROLES,
        kafka={**shared["kafka"], "prefix": PREFIX},
        milvus={**shared["milvus"], "prefix": "staging"},
        triton=shared["triton"],
    )
    beside.values["environment"] = "staging"
    beside.settings = Settings(**beside.values)
    made = beside.freshet("topics")
    assert made.returncode == 0, made.stderr
    try:
        yield beside.start()
    finally:
        beside.stop()


@pytest.fixture
async def there(staging: TestStack) -> AsyncIterator[Client]:
    """A user of staging."""
    async with Client(staging.settings) as connected:
        yield connected


async def names(settings: Settings) -> dict[str, set[str]]:
    """Every topic, group and collection on the servers."""
    admin = AIOKafkaAdminClient(**client_options(settings.kafka))
    await admin.start()
    try:
        topics = {name for name in await admin.list_topics() if not name.startswith("__")}
        groups = {name for name, _ in await admin.list_consumer_groups()}
    finally:
        await admin.close()
    milvus = MilvusClient(settings.milvus.uri)
    collections = set(milvus.list_collections())
    milvus.close()
    return {"topics": topics, "groups": groups, "collections": collections}


async def test_one_document_is_two_in_two_environments(
    client: Client, there: Client, own: str
) -> None:
    """Under one id, for one tenant, each answers by its own."""
    await client.put_shown(f"{own}/ferry", TEXT.format(hour="nine"), acl=[own])
    here = await client.ask(QUESTION, tenant=own)
    nothing = await there.ask(QUESTION, tenant=own)
    await there.put_shown(f"{own}/ferry", TEXT.format(hour="four"), acl=[own])
    other = await there.ask(QUESTION, tenant=own)
    still = await client.ask(QUESTION, tenant=own)
    assert nothing.citations == []
    assert ["nine" in one.answer for one in (here, other, still)] == [True, False, True]
    assert "four" in other.answer
    await there.delete(f"{own}/ferry")
    assert (await client.ask(QUESTION, tenant=own)).citations


async def test_topics_groups_and_collections_are_apart(
    stack: TestStack, staging: TestStack
) -> None:
    """Each of staging's begins with its prefix, and there is one for each of the others."""
    found = await names(stack.settings)
    mine = {kind: {n for n in found[kind] if n.startswith("staging")} for kind in NAMES}
    rest = {kind: found[kind] - mine[kind] for kind in NAMES}
    assert {PREFIX + name for name in rest["topics"]} >= mine["topics"]
    assert {name.removeprefix(PREFIX) for name in mine["groups"]} >= {
        f"freshet-{role}" for role in ROLES
    }
    assert mine["collections"] == {"staging_v1_units", "staging_v1_texts"}
    assert rest["collections"] >= {"freshet_v1_units", "freshet_v1_texts"}


async def test_what_is_in_force_here_is_not_in_force_there_until_it_is_promoted(
    stack: TestStack, staging: TestStack, there: Client, tmp_path: Path, own: str
) -> None:
    """By a file: tried first, then taken in, and live at once."""
    file = tmp_path / "prompt.yaml"
    file.write_text(stack.freshet("prompts", "show", "answer@1").stdout)
    added = stack.freshet("prompts", "add", own, str(file), "--why", "a trial", "--alias", "live")
    assert added.returncode == 0, added.stderr
    exported = stack.freshet("control", "export", "--key", f"prompt/{own}")
    aliases = stack.freshet("control", "export", "--key", f"alias/prompt/{own}")
    promoted = tmp_path / "promoted.jsonl"
    promoted.write_text(exported.stdout + aliases.stdout)
    assert own not in staging.freshet("prompts", "list").stdout
    tried = staging.freshet("control", "import", str(promoted), "--dry-run", "--why", "a test")
    assert (tried.returncode, tried.stdout.count("\tnew\t")) == (0, 2), tried.stderr
    assert own not in staging.freshet("prompts", "list").stdout
    taken = staging.freshet("control", "import", str(promoted), "--why", "a test")
    assert taken.returncode == 0, taken.stderr
    assert own in staging.freshet("prompts", "list").stdout
    again = staging.freshet("control", "import", str(promoted), "--why", "a test", "--json")
    assert {json.loads(line)["outcome"] for line in again.stdout.splitlines()} == {"same"}


def test_whose_the_topics_are_is_in_the_audit(staging: TestStack) -> None:
    """The first of its processes said so."""
    found = staging.freshet("audit", "--key", "environment/", "--json")
    entries = [json.loads(line) for line in found.stdout.splitlines()]
    assert [one["outcome"] for one in entries if one["outcome"] != "refused"] == ["made"]
    assert entries[0]["changes"] == [{"field": "name", "before": None, "after": "staging"}]


@pytest.mark.parametrize(
    ("role", "environment", "kafka", "setting"),
    [
        ("steward", "production", PREFIX, "kafka.prefix"),
        ("gateway", "", PREFIX, "kafka.prefix"),
        ("writer", "production", "production.", "milvus.prefix"),
    ],
)
def test_no_process_starts_on_what_is_another_environment_s(
    staging: TestStack, tmp_path: Path, role: str, environment: str, kafka: str, setting: str
) -> None:
    """It ends at once, and says which setting is wrong; what is there stays as it is."""
    mixed = TestStack(
        tmp_path,
        kafka={**staging.values["kafka"], "prefix": kafka},
        milvus=staging.values["milvus"],
        triton=staging.values["triton"],
    )
    mixed.values["environment"] = environment
    if kafka != PREFIX:
        assert mixed.freshet("topics").returncode == 0
    done = subprocess.run(
        (sys.executable, "-m", "streams.role", role),
        env=mixed.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert setting in done.stderr
    assert "staging" in done.stderr
