"""The gateway on the real parts: OpenAI's client, documents, isolation, and hanging up."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError

from tests.doubles.stack import TestStack

CHAT = "/v1/chat/completions"
TEXT = """# Night ferry to {place}

The night ferry to {place} leaves the harbour at {hour} o'clock every evening.

It carries ninety cars, and each cabin has four beds.
"""
QUESTION = "When does the night ferry to {place} leave the harbour?"


@pytest.fixture(scope="module")
def tenant() -> str:
    """A tenant that nobody else uses."""
    return f"t-{uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def key(stack: TestStack, tenant: str) -> str:
    """Its key, made on the command line."""
    return made_key(stack, tenant)


def made_key(stack: TestStack, tenant: str) -> str:
    """What `freshet keys create` prints."""
    made = stack.freshet("keys", "create", "--tenant", tenant, "--name", "test")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def address(stack: TestStack) -> str:
    """Where the gateway listens."""
    return f"http://{stack.settings.gateway.host}:{stack.settings.gateway.port}"


@asynccontextmanager
async def calling(stack: TestStack, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address(stack), headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
async def client(stack: TestStack, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks for the tenant."""
    async with calling(stack, key) as one:
        yield one


@pytest.fixture
async def official(stack: TestStack, key: str) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's own client."""
    async with AsyncOpenAI(api_key=key, base_url=f"{address(stack)}/v1", max_retries=0) as one:
        yield one


async def put(client: httpx.AsyncClient, place: str, hour: str) -> dict[str, Any]:
    """A document about one ferry, searchable when this returns."""
    response = await client.put(
        f"/v1/documents/ferry/{place}?wait=true",
        json={"text": TEXT.format(place=place, hour=hour), "content_type": "text/markdown"},
    )
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def asked(place: str, **freshet: Any) -> dict[str, Any]:
    """The body of a question about one ferry."""
    question = {"role": "user", "content": QUESTION.format(place=place)}
    return {"model": "freshet", "messages": [question], "freshet": freshet}


async def test_the_official_client_is_answered_with_citations_and_receipt(
    client: httpx.AsyncClient, official: AsyncOpenAI
) -> None:
    """The quote is exactly what the document says where the citation points to."""
    written = await put(client, "Ystad", "nine")
    completion = await official.chat.completions.create(
        model="freshet",
        messages=[{"role": "user", "content": QUESTION.format(place="Ystad")}],
        extra_body={"freshet": {"after": written["receipt"]}},
    )
    proof = (completion.model_extra or {})["freshet"]
    text = TEXT.format(place="Ystad", hour="nine")
    assert "nine" in (completion.choices[0].message.content or "")
    assert proof["status"] == "answered"
    assert proof["citations"]
    for citation in proof["citations"]:
        assert citation["doc_id"] == "ferry/Ystad"
        assert text[citation["start"] : citation["end"]] == citation["quote"]
    receipt = written["receipt"]
    applied = proof["receipt"]["applied"][f"documents/{receipt['partition']}"]
    assert applied >= receipt["offset"]


async def test_a_stream_says_what_the_whole_answer_says(
    client: httpx.AsyncClient, official: AsyncOpenAI
) -> None:
    """In more than one piece."""
    await put(client, "Rostock", "ten")
    messages: Any = [{"role": "user", "content": QUESTION.format(place="Rostock")}]
    whole = await official.chat.completions.create(model="freshet", messages=messages)
    stream = await official.chat.completions.create(
        model="freshet", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    texts = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    ends = [c for c in chunks if c.choices and c.choices[0].finish_reason == "stop"]
    assert "".join(texts).strip() == whole.choices[0].message.content
    assert len(texts) > 1
    assert (ends[0].model_extra or {})["freshet"]["citations"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


async def test_an_edit_changes_the_answer_and_as_of_gives_the_old_one(
    client: httpx.AsyncClient,
) -> None:
    """By the index time of the first write."""
    first = await put(client, "Trelleborg", "seven")
    await put(client, "Trelleborg", "eight")
    now = (await client.post(CHAT, json=asked("Trelleborg"))).json()
    then = (await client.post(CHAT, json=asked("Trelleborg", as_of=first["index_time"]))).json()
    assert "eight" in now["choices"][0]["message"]["content"]
    assert "seven" in then["choices"][0]["message"]["content"]


async def test_a_deletion_is_acknowledged_and_nothing_is_found_after_it(
    client: httpx.AsyncClient,
) -> None:
    """Neither the document nor its sentences."""
    await put(client, "Gedser", "six")
    response = await client.delete("/v1/documents/ferry/Gedser?wait=true")
    acknowledged = response.json()
    after = (await client.post(CHAT, json=asked("Gedser"))).json()["freshet"]
    status = (await client.get("/v1/documents/ferry/Gedser")).json()
    assert (response.status_code, acknowledged["status"]) == (200, "deleted")
    assert acknowledged["applied"] is True
    assert after["receipt"]["as_of"] >= acknowledged["index_time"]
    assert all(citation["doc_id"] != "ferry/Gedser" for citation in after["citations"])
    assert status["status"] == "deleted"


async def test_another_tenant_finds_sees_and_writes_nothing(
    stack: TestStack, client: httpx.AsyncClient
) -> None:
    """Its key was made while the gateway ran, and works at once."""
    await put(client, "Sassnitz", "eleven")
    async with calling(stack, made_key(stack, f"t-{uuid4().hex[:8]}")) as other:
        answer = (await other.post(CHAT, json=asked("Sassnitz"))).json()["freshet"]
        seen = await other.get("/v1/documents/ferry/Sassnitz")
        body = {"text": "x", "content_type": "text/plain"}
        put_ = await other.put("/v1/documents/ferry/Sassnitz", json=body)
        deleted = await other.delete("/v1/documents/ferry/Sassnitz")
    assert all(citation["doc_id"] != "ferry/Sassnitz" for citation in answer["citations"])
    assert (seen.status_code, put_.status_code, deleted.status_code) == (404, 403, 404)


async def test_a_revoked_key_works_no_more(stack: TestStack) -> None:
    """The running gateway hears of it."""
    made = made_key(stack, "revoked")
    async with calling(stack, made) as client:
        before = (await client.get("/v1/models")).status_code
        assert stack.freshet("keys", "revoke", made.split("_")[1]).returncode == 0
        async with asyncio.timeout(10):
            while (await client.get("/v1/models")).status_code != 401:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert before == 200


async def test_an_unknown_key_is_refused(stack: TestStack) -> None:
    """As OpenAI's client expects it."""
    unknown = "fk_000000000000_" + "A" * 43
    url = f"{address(stack)}/v1"
    async with AsyncOpenAI(api_key=unknown, base_url=url, max_retries=0) as client:
        with pytest.raises(AuthenticationError):
            await client.models.list()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (asked("Ystad", top_k=-1), 400),
        (asked("Ystad", as_of="2100-01-01T00:00:00Z"), 400),
        (asked("Ystad", as_of="2001-01-01T00:00:00Z"), 400),
        (asked("Ystad", after={"topic": "documents", "partition": 999, "offset": 0}), 400),
        ({"messages": [{"role": "user", "content": "x" * 1_000_000}]}, 400),
        ({"messages": [{"role": "user", "content": "x" * 40_000_000}]}, 413),
    ],
)
async def test_bad_questions_are_refused(
    client: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    """The caller sees the answer even where it was still sending."""
    response = await client.post(CHAT, json=body)
    assert response.status_code == status, response.text
    assert response.json()["error"]["message"]


async def test_the_official_client_raises_what_is_refused(official: AsyncOpenAI) -> None:
    """With the code and the field."""
    with pytest.raises(BadRequestError) as caught:
        await official.chat.completions.create(
            model="freshet",
            messages=[{"role": "user", "content": "When?"}],
            extra_body={"freshet": {"as_of": "2100-01-01T00:00:00Z"}},
        )
    assert (caught.value.code, caught.value.param) == ("as_of_in_future", "freshet.as_of")


async def test_a_head_without_end_ends_the_connection(stack: TestStack) -> None:
    """The gateway reads so much of it and no more, and goes on serving others."""
    gateway = stack.settings.gateway
    reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nX-Long: " + b"x" * 100_000)
    with suppress(ConnectionError):
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    writer.close()
    async with httpx.AsyncClient(base_url=address(stack)) as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_feedback_is_taken(client: httpx.AsyncClient) -> None:
    """For the answer that was just given."""
    await put(client, "Klaipeda", "five")
    answer = (await client.post(CHAT, json=asked("Klaipeda"))).json()["freshet"]
    response = await client.post("/v1/feedback", json={"query_id": answer["query_id"], "rating": 1})
    assert response.status_code == 202


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """A stack whose reader pauses for long between two pieces of an answer."""
    stack = SlowStack(tmp_path_factory.mktemp("slow"))
    try:
        yield stack.start()
    finally:
        stack.stop()


class SlowStack(TestStack):
    """With a reader that takes its time, so that there is time to hang up."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)

    @property
    def environment(self) -> dict[str, str]:
        """As every stack's, and the pace."""
        return super().environment | {"FRESHET_READER_PACE_MS": "3000"}


async def cancelled(stack: TestStack) -> float:
    """How many answers Triton has stopped."""
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"http://{stack.settings.triton.metrics}/metrics")).text
    pattern = r'freshet_reader_answers_total{outcome="cancelled"[^}]*} (\d+)'
    return sum(map(float, re.findall(pattern, page)))


async def until_cancelled(stack: TestStack, count: float) -> None:
    """Wait until Triton has stopped so many."""
    async with asyncio.timeout(30):
        while await cancelled(stack) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_hanging_up_stops_the_generation_in_triton(slow: TestStack) -> None:
    """In the middle of a stream, and while a whole answer is waited for."""
    async with calling(slow, made_key(slow, "slow")) as client:
        await put(client, "Helsinki", "four")
        before = await cancelled(slow)
        body = asked("Helsinki")
        async with client.stream("POST", CHAT, json=body | {"stream": True}) as response:
            await anext(response.aiter_lines())
        await until_cancelled(slow, before + 1)
        whole = asyncio.create_task(client.post(CHAT, json=body))
        await asyncio.sleep(1.5)
        whole.cancel()
        await asyncio.gather(whole, return_exceptions=True)
        await until_cancelled(slow, before + 2)
