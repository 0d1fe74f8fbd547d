"""Tenants on the real parts: what a tenant may not find it does not find, by any way there is."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from processors.index import Access
from streams.clients.milvus import MilvusIndex
from streams.config import Settings
from tests.doubles.client import Client, eventually
from tests.doubles.library import Library
from tests.doubles.stack import TestStack
from tests.integration.index.contract import HOSTILE, read_all
from tests.integration.test_gateway import CHAT, calling, made_key

SECRET = "# Nightjar\n\nThe merger called {name} is signed in May by {name} and Umbrella.\n"
QUESTION = "When is the merger called {name} signed?"
ANSWER = "May"
_VERSIONS = count()


def ask(name: str, **freshet: Any) -> dict[str, Any]:
    """The body of a question about one merger."""
    question = {"role": "user", "content": QUESTION.format(name=name)}
    return {"messages": [question], "freshet": freshet}


class Caller:
    """A tenant with a key, over HTTP."""

    def __init__(self, name: str, http: httpx.AsyncClient) -> None:
        self.name = name
        self.http = http

    async def finds(self, about: str, **freshet: Any) -> bool:
        """Whether an answer rests on the secret document; fails where it half does."""
        response = await self.http.post(CHAT, json=ask(about, **freshet))
        assert response.status_code == 200, response.text
        body = response.json()
        proof = body["freshet"]
        found = [one["doc_id"] for one in proof["citations"]]
        said = ANSWER in body["choices"][0]["message"]["content"]
        assert said == bool(found), body
        if not found:
            assert about.lower() not in json.dumps(proof["receipt"]["lexical"]).lower()
        return said

    async def put(self, doc_id: str, text: str, **more: Any) -> httpx.Response:
        """Write a document, seen by every read when this returns."""
        body = {"text": text, "content_type": "text/markdown", **more}
        return await self.http.put(f"/v1/documents/{doc_id}?wait=true", json=body)


@pytest.fixture
def tenants(own: str) -> tuple[str, str]:
    """Two that nobody else uses."""
    return f"{own}-a", f"{own}-b"


@pytest.fixture
async def callers(
    stack: TestStack, tenants: tuple[str, str]
) -> AsyncIterator[tuple[Caller, Caller]]:
    """The two, with a key each."""
    mine, theirs = tenants
    keys = [made_key(stack, name) for name in tenants]
    async with calling(stack, keys[0]) as one, calling(stack, keys[1]) as other:
        yield Caller(mine, one), Caller(theirs, other)


def set_tenant(stack: TestStack, *arguments: str) -> None:
    """Change a tenant on the command line."""
    done = stack.freshet("tenants", *arguments, "--why", "a test")
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def index_of_its_own(settings: Settings) -> AsyncIterator[MilvusIndex]:
    """Collections that nobody else uses."""
    index = MilvusIndex(settings.milvus, f"tenants{next(_VERSIONS)}")
    await index.ensure()
    try:
        yield index
    finally:
        await index.drop()
        await index.close()


NAMES = st.sampled_from([name for name in HOSTILE if name] + ["a", "b", "A", "group:a", "group:ab"])
LISTS = st.none() | st.lists(NAMES, max_size=3, unique=True)
ACCESSES = st.builds(
    Access,
    tenant=NAMES,
    groups=st.lists(NAMES, max_size=3, unique=True).map(tuple),
    filters=st.sampled_from([{}, {"k": 1}, {"k": ["*", 'a" or true'], "acl": "a"}]),
)


@examples(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(lists=st.lists(LISTS, min_size=2, max_size=6), accesses=st.lists(ACCESSES, min_size=3))
async def test_whatever_names_are_made_up_milvus_gives_what_a_plain_reading_does(
    settings: Settings, lists: Sequence[list[str] | None], accesses: Sequence[Access]
) -> None:
    """Names that would end a filter and begin another, look-alikes, prefixes, stars, any case."""
    library = Library()
    async with index_of_its_own(settings) as index:
        for at, acl in enumerate(lists, 1):
            metadata = {"k": 1} if at % 2 else {"k": "*"}
            change = library.put(
                f"d{at % 4}", {"p": ["one", "two"]}, at, acl=acl, metadata=metadata
            )
            await index.apply(change, check=False)
        for at in {1, len(lists)}:
            for access in accesses[:6]:
                assert await read_all(index, library, at, access) == library.seen(at, access)


async def test_another_s_document_is_found_by_no_question(
    callers: tuple[Caller, Caller], own: str
) -> None:
    """Whatever is asked, filtered, waited for or looked back at."""
    mine, theirs = callers
    written = await mine.put(f"{own}/secret", SECRET.format(name=own), metadata={"kind": "secret"})
    assert written.status_code == 200, written.text
    assert await mine.finds(own)
    body = written.json()
    for freshet in (
        {},
        {"top_k": 50},
        {"filters": {"kind": "secret"}},
        {"filters": {"acl": mine.name}},
        {"after": body["receipt"]},
        {"as_of": body["index_time"]},
        {"session_id": mine.name},
    ):
        assert not await theirs.finds(own, **freshet)


async def test_another_s_document_is_not_told_of_changed_or_deleted(
    callers: tuple[Caller, Caller], own: str
) -> None:
    """There is no such document, as far as anybody else can tell; but the id is taken."""
    mine, theirs = callers
    await mine.put(f"{own}/secret", SECRET.format(name=own))
    url, nothing = f"/v1/documents/{own}/secret", f"/v1/documents/{own}/nothng"
    for method in ("GET", "DELETE"):
        told = await theirs.http.request(method, url)
        other = await theirs.http.request(method, nothing)
        assert told.status_code == other.status_code == 404
        assert told.text.replace("secret", "") == other.text.replace("nothng", "")
    assert (await theirs.put(f"{own}/secret", "Mine now.")).status_code == 403
    assert await mine.finds(own)


async def test_a_group_opens_and_closes_a_document_live(
    stack: TestStack, callers: tuple[Caller, Caller], own: str
) -> None:
    """Within a moment of the change, for the past too; the receipt says which groups counted."""
    mine, theirs = callers
    group = f"group:{own}"
    written = await mine.put(f"{own}/s", SECRET.format(name=own), acl=[mine.name, group])
    then = written.json()["index_time"]
    assert not await theirs.finds(own)
    set_tenant(stack, "set", theirs.name, "--group", group)

    async def found() -> bool:
        return await theirs.finds(own)

    await eventually(found, "the group to count", 10)
    asked = (await theirs.http.post(CHAT, json=ask(own))).json()
    assert asked["freshet"]["receipt"]["groups"] == [group]
    set_tenant(stack, "set", theirs.name, "--leave", group)

    async def lost() -> bool:
        return not await theirs.finds(own)

    await eventually(lost, "the group to count no more", 10)
    assert not await theirs.finds(own, as_of=then)


async def test_the_list_in_force_at_the_time_that_is_read_counts(
    stack: TestStack, callers: tuple[Caller, Caller], own: str
) -> None:
    """The past stays open to whom it was open, until the tenant may not look back."""
    mine, theirs = callers
    text = SECRET.format(name=own)
    shared = await mine.put(f"{own}/s", text, acl=[mine.name, theirs.name])
    then = shared.json()["index_time"]
    await mine.put(f"{own}/s", text, acl=[mine.name])
    assert not await theirs.finds(own)
    assert await theirs.finds(own, as_of=then)
    set_tenant(stack, "set", theirs.name, "--past", "0s")

    async def closed() -> bool:
        response = await theirs.http.post(CHAT, json=ask(own, as_of=then))
        return response.status_code == 400

    await eventually(closed, "the past to be closed", 10)


async def test_what_others_keep_changes_no_figure_that_a_tenant_is_shown(
    callers: tuple[Caller, Caller], own: str
) -> None:
    """Weights, scores and passages are the same with any documents of others beside one's own."""
    mine, theirs = callers
    await theirs.put(f"{own}/own", f"# Canteen\n\nThe canteen of {own} opens at noon.\n")

    async def told() -> Any:
        question = {"role": "user", "content": f"When does the canteen of {own} open?"}
        body = (await theirs.http.post(CHAT, json={"messages": [question]})).json()
        proof = body["freshet"]
        return proof["citations"], proof["receipt"]["lexical"], proof["receipt"]["passages"]

    before = await told()
    assert before[0]
    for number in range(5):
        text = f"# Canteen\n\nThe canteen of {own} number {number} never opens at noon.\n"
        await mine.put(f"{own}/other{number}", text)
    assert await told() == before


async def test_feedback_on_another_s_answer_counts_for_nobody(
    stack: TestStack, callers: tuple[Caller, Caller], own: str
) -> None:
    """It is taken as any other: whether there is such an answer is not told."""
    mine, theirs = callers
    await mine.put(f"{own}/secret", SECRET.format(name=own))
    query_id = (await mine.http.post(CHAT, json=ask(own))).json()["freshet"]["query_id"]
    nothing = await theirs.http.post("/v1/feedback", json={"query_id": "none", "rating": -1})
    foreign = await theirs.http.post("/v1/feedback", json={"query_id": query_id, "rating": -1})
    assert foreign.status_code == nothing.status_code == 202
    agreed = stack.freshet("feedback", "agreement", "--json")
    assert theirs.name not in agreed.stdout


async def test_a_suspended_tenant_is_stopped_at_both_doors(
    stack: TestStack, client: Client, callers: tuple[Caller, Caller]
) -> None:
    """At the gateway, and where somebody writes to the topic past it."""
    _, theirs = callers
    set_tenant(stack, "suspend", theirs.name)

    async def refused() -> bool:
        return (await theirs.http.get("/v1/models")).status_code == 403

    await eventually(refused, "the suspension", 10)
    response = await client.ask("Who is there?", tenant=theirs.name)
    assert (response.status, response.receipt) == ("refused", None)
    set_tenant(stack, "resume", theirs.name)

    async def answered() -> bool:
        return (await theirs.http.get("/v1/models")).status_code == 200

    await eventually(answered, "the resumption", 10)


async def test_requests_in_hand_are_bounded_for_one_tenant_and_for_no_other(
    stack: TestStack, client: Client, callers: tuple[Caller, Caller], own: str
) -> None:
    """A code of its own says that it is not a quota."""
    mine, theirs = callers
    set_tenant(stack, "set", theirs.name, "--in-hand", "1")
    ends = (await client.log.ends("documents"))[0]
    waits = {"after": {"topic": "documents", "partition": 0, "offset": ends + 1000}}

    async def held() -> bool:
        waiting = asyncio.create_task(theirs.http.post(CHAT, json=ask(own, **waits)))
        await asyncio.sleep(0.3)
        second = await theirs.http.get("/v1/models")
        third = await mine.http.get("/v1/models")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert third.status_code == 200
        return second.status_code == 429 and second.json()["error"]["code"] == "too_many_in_hand"

    await eventually(held, "the bound", 20)


@pytest.fixture(scope="module")
def rotated(stack: TestStack) -> tuple[str, str, str]:
    """A tenant's key and what took its place."""
    old = made_key(stack, "rotating")
    done = stack.freshet("keys", "rotate", old.split("_")[1], "--grace", "0s")
    assert done.returncode == 0, done.stderr
    return "rotating", old, done.stdout.strip()


async def test_a_rotated_key_works_and_the_old_one_does_not(
    stack: TestStack, rotated: tuple[str, str, str]
) -> None:
    """Live, on a gateway that runs."""
    _, old, new = rotated
    async with calling(stack, new) as client:

        async def works() -> bool:
            return (await client.get("/v1/models")).status_code == 200

        await eventually(works, "the new key", 10)
    async with calling(stack, old) as client:
        assert (await client.get("/v1/models")).status_code == 401


def test_the_audit_has_who_made_and_ended_a_key_and_no_hash(
    stack: TestStack, rotated: tuple[str, str, str]
) -> None:
    """And so has the tenant's own log."""
    name, old, new = rotated
    done = stack.freshet("tenants", "log", name, "--json")
    assert done.returncode == 0, done.stderr
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    ids = [text.split("_")[1] for text in (old, new)]
    assert sorted((one["key"], one["outcome"]) for one in entries) == sorted(
        [(f"key/{ids[0]}", "made"), (f"key/{ids[0]}", "changed"), (f"key/{ids[1]}", "made")]
    )
    assert "hash" not in done.stdout
    assert f"key/{ids[1]}" in stack.freshet("audit", "--key", "key/").stdout
