"""Who is let in: by key, scope and tenant, and how many at once."""

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from monitoring.metrics import GATEWAY_KEYS
from schemas.control import Scope
from tests.doubles.answerer import ScriptedAnswerer, never_answer
from tests.doubles.front import Front, Run, settled

CHAT = "/v1/chat/completions"
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "When?"}]}
NOTE = "/v1/documents/note"
TEXT = {"text": "# Pools", "content_type": "text/markdown"}
FEEDBACK = {"query_id": "q-1", "rating": 1}

CALLS: dict[Scope, tuple[str, str, Any]] = {
    "ask": ("POST", CHAT, ASKED),
    "documents:read": ("GET", NOTE, None),
    "documents:write": ("PUT", NOTE, TEXT),
    "documents:share": ("PUT", NOTE, TEXT | {"acl": ["acme", "other"]}),
    "documents:admin": ("PUT", NOTE, TEXT | {"acl": None}),
    "feedback": ("POST", "/v1/feedback", FEEDBACK),
}


async def call(front: Front, scope: Scope, headers: dict[str, str]) -> httpx.Response:
    """The request that takes a scope."""
    method, url, body = CALLS[scope]
    return await front.client.request(method, url, json=body, headers=headers)


def code(response: httpx.Response) -> str:
    """What a program reads of an error."""
    return str(response.json()["error"]["code"])


@pytest.mark.parametrize("scope", ["ask", "documents:read", "documents:write", "feedback"])
async def test_a_key_does_what_its_scopes_say_and_no_more(front: Front, scope: Scope) -> None:
    """Each other call is refused before anything is done."""
    only = await front.speaking_for("acme", scope)
    allowed = set()
    for wanted in CALLS:
        response = await call(front, wanted, only)
        if response.status_code == 403:
            assert code(response) in ("insufficient_scope", "forbidden")
        else:
            allowed.add(wanted)
    assert allowed == {scope}


async def test_a_key_without_scopes_does_what_it_always_did(front: Front) -> None:
    """All but to write what is everybody's; with `documents:admin` that too."""
    usual = await front.speaking_for("acme")
    admin = await front.speaking_for("acme", "documents:admin")
    refused = [w for w in CALLS if (await call(front, w, usual)).status_code == 403]
    assert refused == ["documents:admin"]
    assert (await call(front, "documents:admin", admin)).status_code == 202


async def test_a_suspended_tenant_gets_nothing_until_it_is_resumed(front: Front) -> None:
    """From the next request on, by any of its keys; nobody else is touched."""
    other = await front.speaking_for("other")
    await front.says("acme", suspended=True)
    responses = [await call(front, wanted, {}) for wanted in CALLS]
    assert {(each.status_code, code(each)) for each in responses} == {(403, "tenant_suspended")}
    assert (await front.client.post(CHAT, json=ASKED, headers=other)).status_code == 200
    await front.says("acme", revision=2)
    assert (await front.client.post(CHAT, json=ASKED)).status_code == 200
    assert len(front.answerer.asked) == 2


async def test_who_is_named_like_a_group_is_nobody(front: Front) -> None:
    """However such a key came to be: it would find what the group was given."""
    group = await front.speaking_for("group:staff")
    response = await front.client.post(CHAT, json=ASKED, headers=group)
    assert (response.status_code, code(response)) == (401, "invalid_api_key")


async def test_as_many_of_a_tenant_s_requests_are_in_hand_as_may_be(run: Run) -> None:
    """The next is told to come again; another tenant's is not kept out, nor is one that follows."""
    async with run(script=never_answer) as front:
        await front.says("acme", limits={"in_hand": 2})
        other = await front.speaking_for("other")
        waiting = [asyncio.create_task(front.client.post(CHAT, json=ASKED)) for _ in range(2)]
        await settled()
        refused = await front.client.get(NOTE)
        assert (refused.status_code, code(refused)) == (429, "too_many_in_hand")
        assert refused.headers["retry-after"] == "1"
        assert (await front.client.get(NOTE, headers=other)).status_code == 404
        waiting[0].cancel()
        await settled()
        assert (await front.client.get(NOTE)).status_code == 404
        waiting[1].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.parametrize(
    ("limits", "body", "param"),
    [
        ({"question_characters": 4}, {}, "messages"),
        ({"top_k": 3}, {"freshet": {"top_k": 4}}, "freshet.top_k"),
        ({"max_tokens": 100}, {"max_tokens": 300}, "max_tokens"),
        ({"past_s": 0}, {"freshet": {"as_of": 1}}, "freshet.as_of"),
    ],
)
async def test_a_question_beyond_its_tenant_s_limits_is_told_which(
    front: Front, limits: dict[str, int], body: dict[str, Any], param: str
) -> None:
    """And does not come to the log; one that leaves it open does."""
    await front.says("acme", limits=limits)
    refused = await front.client.post(CHAT, json=ASKED | body)
    assert (refused.status_code, code(refused)) == (400, "beyond_tenant_limit")
    assert refused.json()["error"]["param"] == param
    assert front.answerer.asked == []


async def test_limits_leave_alone_what_a_question_leaves_open(front: Front) -> None:
    """It is lowered where it is admitted."""
    await front.says("acme", limits={"top_k": 3, "max_tokens": 100})
    assert (await front.client.post(CHAT, json=ASKED)).status_code == 200


async def test_a_flood_without_a_key_is_refused_unread(front: Front) -> None:
    """Nothing of the body is taken in, nothing is kept, nothing comes to the log."""
    read = 0

    async def body() -> Any:
        nonlocal read
        for _ in range(64):
            read += 1
            yield b"x" * 65536

    for header in ("", "Bearer fk_x", "Bearer fk_000000000000_" + "A" * 43):
        response = await front.client.put(NOTE, content=body(), headers={"Authorization": header})
        assert response.status_code == 401
    assert read == 0
    assert front.log.all("documents") == []


async def test_keys_are_counted_by_how_they_stand_and_not_by_name(front: Front) -> None:
    """So that a rotation is seen to its end, and nobody's habits are."""

    def counted(state: str) -> float:
        return REGISTRY.get_sample_value(GATEWAY_KEYS.name, {"state": state}) or 0.0

    before = {state: counted(state) for state in ("valid", "unknown", "missing")}
    await front.client.get(NOTE)
    await front.client.get(NOTE, headers={"Authorization": "Bearer fk_x"})
    await front.client.get(NOTE, headers={"Authorization": ""})
    assert {state: counted(state) - count for state, count in before.items()} == {
        "valid": 1.0,
        "unknown": 1.0,
        "missing": 1.0,
    }
    assert GATEWAY_KEYS.labels == ("state",)


async def test_one_tenant_s_idempotency_key_is_another_question_of_another_s(front: Front) -> None:
    """Neither gets the other's answer, nor learns that the key was used."""
    key = {"Idempotency-Key": "k-1"}
    other = await front.speaking_for("other")
    mine = await front.client.post(CHAT, json=ASKED, headers=key)
    question = {"messages": [{"role": "user", "content": "Something else?"}]}
    theirs = await front.client.post(CHAT, json=question, headers=key | other)
    assert (mine.status_code, theirs.status_code) == (200, 200)
    assert mine.json()["freshet"]["query_id"] != theirs.json()["freshet"]["query_id"]
    assert [query.tenant for query in front.answerer.asked] == ["acme", "other"]


async def test_one_tenant_s_conversation_is_not_another_s(front: Front) -> None:
    """The same session id names two."""
    other = await front.speaking_for("other")
    body = ASKED | {"freshet": {"session_id": "s-1"}}
    for headers in ({}, other):
        await front.client.post(CHAT, json=body, headers=headers)
    assert {(query.tenant, query.session_id) for query in front.answerer.asked} == {
        ("acme", "s-1"),
        ("other", "s-1"),
    }


async def test_who_hangs_up_cancels_its_own_question_alone(run: Run) -> None:
    """In its own tenant's name: the answerer stops nobody else's."""

    async def hold(answerer: ScriptedAnswerer, query: Any) -> None:
        if query.tenant == "other":
            await never_answer(answerer, query)
        await answerer.was_cancelled.wait()
        answerer.respond(query)

    async with run(script=hold) as front:
        other = await front.speaking_for("other")
        mine = asyncio.create_task(front.client.post(CHAT, json=ASKED))
        theirs = asyncio.create_task(front.client.post(CHAT, json=ASKED, headers=other))
        await settled()
        theirs.cancel()
        assert (await mine).status_code == 200
        assert [event.tenant for event in front.answerer.cancelled] == ["other"]
