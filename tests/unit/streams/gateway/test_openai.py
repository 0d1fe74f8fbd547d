"""`/v1/chat/completions` over a log in memory, as a caller sees it."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from openai import APIError, AsyncOpenAI, RateLimitError

from schemas.envelope import Trace
from schemas.queries import Query
from schemas.responses import Error, ExceededLimit
from streams.gateway.waiters import Waiters
from tests.doubles.answerer import ANSWER, ScriptedAnswerer, never_answer
from tests.doubles.front import NOW, Front, Run, settled
from tests.doubles.log import MemoryLog

CHAT = "/v1/chat/completions"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "When?"}]}


def official(front: Front) -> AsyncOpenAI:
    """The official client, unchanged but for where it connects to."""
    key = front.client.headers["authorization"].removeprefix("Bearer ")
    transport = httpx.ASGITransport(front.app)
    return AsyncOpenAI(
        api_key=key,
        base_url="http://gateway/v1",
        max_retries=0,
        http_client=httpx.AsyncClient(transport=transport),
    )


def chunks_of(text: str) -> list[Any]:
    """The events of a stream; `[DONE]` as None."""
    found = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [None if each == "[DONE]" else json.loads(each) for each in found]


async def test_the_official_client_gets_an_answer_with_its_proof(front: Front) -> None:
    """Citations and receipt come in the extra field."""
    completion = await official(front).chat.completions.create(
        model="freshet", messages=[{"role": "user", "content": "When?"}]
    )
    proof = completion.model_extra["freshet"]
    assert completion.choices[0].message.content == ANSWER
    assert completion.usage.total_tokens == 224
    assert proof["citations"][0]["doc_id"] == "pools.md"
    assert proof["receipt"]["applied"] == {"documents/0": 7}


async def test_the_official_client_streams_an_answer(front: Front) -> None:
    """Piece by piece, with the proof on the chunk that ends it and the tokens after."""
    stream = await official(front).chat.completions.create(
        model="freshet",
        messages=[{"role": "user", "content": "When?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    ended = next(c for c in chunks if c.choices and c.choices[0].finish_reason)
    assert "".join(texts) == ANSWER
    assert len([text for text in texts if text]) > 1
    assert ended.model_extra["freshet"]["status"] == "answered"
    assert chunks[-1].usage.completion_tokens == 14


async def test_the_question_in_the_log_is_the_tenant_s_with_envelope_and_trace(
    front: Front,
) -> None:
    """Its key is the tenant, and it belongs to the caller's trace."""
    await front.client.post(CHAT, json=ASKED, headers={"traceparent": TRACE})
    envelope = front.answerer.envelopes[0]
    trace = Trace.parse(envelope.traceparent)
    assert front.log.all("queries")[0].key == b"acme"
    assert front.answerer.asked[0].tenant == "acme"
    assert envelope.type == "dev.freshet.query.asked.v1"
    assert trace.trace_id == Trace.parse(TRACE).trace_id
    assert trace.span_id != Trace.parse(TRACE).span_id


async def test_a_stream_ends_with_done(front: Front) -> None:
    """As OpenAI's do; nothing comes after it."""
    response = await front.client.post(CHAT, json=ASKED | {"stream": True})
    chunks = chunks_of(response.text)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1] is None
    assert "usage" not in chunks[0]


async def test_unanswerable_is_a_completion(run: Run) -> None:
    """The documents do not say: that is no error."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        answerer.respond(query, status="unanswerable", answer="", citations=[])

    async with run(script=script) as front:
        whole = (await front.client.post(CHAT, json=ASKED)).json()
        streamed = await front.client.post(CHAT, json=ASKED | {"stream": True})
    assert whole["choices"][0]["message"]["content"] == "The documents do not say."
    assert whole["freshet"]["status"] == "unanswerable"
    assert "The documents do not say." in streamed.text


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("refused", Error(type="invalid_query", message="blank"), 400),
        ("failed", Error(type="as_of_in_future", message="not yet"), 400),
        ("failed", Error(type="as_of_beyond_horizon", message="too old"), 400),
        ("quota_exceeded", Error(type="quota_exceeded", message="enough"), 429),
        ("failed", Error(type="cancelled", message="hung up"), 499),
        ("failed", Error(type="internal", message="oops"), 500),
        ("failed", Error(type="model_unavailable", message="down"), 503),
        ("failed", Error(type="index_unavailable", message="down"), 503),
        ("failed", Error(type="deadline_exceeded", message="late"), 504),
        ("failed", Error(type="after_timeout", message="late"), 504),
        ("failed", Error(type="stale", message="late"), 504),
        ("refused", None, 400),
    ],
)
async def test_what_is_no_answer_is_an_error_also_where_it_was_to_be_streamed(
    run: Run, status: str, error: Error | None, expected: int
) -> None:
    """With its type as `code`, before any chunk was sent."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        answerer.respond(query, status=status, answer="", citations=[], receipt=None, error=error)

    async with run(script=script) as front:
        whole = await front.client.post(CHAT, json=ASKED)
        streamed = await front.client.post(CHAT, json=ASKED | {"stream": True})
    assert whole.status_code == streamed.status_code == expected
    assert whole.json()["error"]["code"] == (error.type if error else "invalid_query")
    assert whole.json()["freshet"]["status"] == status


async def test_a_caller_who_has_to_wait_is_told_how_long(run: Run) -> None:
    """Rounded up to whole seconds, as HTTP has it."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        error = Error(type="quota_exceeded", message="enough", retry_after_s=6.2)
        answerer.respond(query, status="quota_exceeded", answer="", error=error)

    async with run(script=script) as front:
        response = await front.client.post(CHAT, json=ASKED)
    assert response.headers["retry-after"] == "7"
    assert response.headers["x-should-retry"] == "true"


def exceeded(kind: str, **changes: object) -> Error:
    """A refusal by a bound."""
    fields = {
        "name": "acme:tokens_per_minute",
        "unit": "tokens",
        "limit": 1000,
        "remaining": 90,
        "reset_s": 12.5,
    }
    limit = ExceededLimit(kind=kind, **(fields | changes))  # type: ignore[arg-type]
    return Error(type="quota_exceeded", message="no", retry_after_s=limit.reset_s, limit=limit)


async def test_a_rate_and_a_quota_are_told_apart(run: Run) -> None:
    """By OpenAI's codes; a rate is worth waiting for, a budget is not."""
    refusals = {
        "rate": (exceeded("rate"), "rate_limit_exceeded", "tokens"),
        "requests": (exceeded("rate", unit="concurrent"), "rate_limit_exceeded", "requests"),
        "quota": (
            exceeded("quota", reset_s=40_000.0, unit="nanousd"),
            "insufficient_quota",
            "insufficient_quota",
        ),
    }

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        error = refusals[query.text][0]
        answerer.respond(query, status="quota_exceeded", answer="", error=error)

    async with run(script=script) as front:
        for text, (error, code, kind) in refusals.items():
            with pytest.raises(RateLimitError) as caught:
                await official(front).chat.completions.create(
                    model="freshet", messages=[{"role": "user", "content": text}], stream=True
                )
            assert error.limit is not None
            assert (caught.value.status_code, caught.value.code) == (429, code)
            assert caught.value.type == kind
            named = caught.value.response.json()["freshet"]["error"]["limit"]["name"]
            assert named == "acme:tokens_per_minute"
            retry = caught.value.response.headers["x-should-retry"]
            assert retry == ("true" if error.limit.kind == "rate" else "false")


async def test_a_refusal_says_what_is_left_and_when_there_is_more(run: Run) -> None:
    """In the headers that OpenAI's answers have."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        answerer.respond(query, status="quota_exceeded", answer="", error=exceeded("rate"))

    async with run(script=script) as front:
        headers = (await front.client.post(CHAT, json=ASKED)).headers
    assert headers["retry-after"] == "13"
    assert headers["x-ratelimit-limit-tokens"] == "1000"
    assert headers["x-ratelimit-remaining-tokens"] == "90"
    assert headers["x-ratelimit-reset-tokens"] == "13s"


async def test_what_never_fits_names_no_moment(run: Run) -> None:
    """A request for more than its budget ever gives: to wait does not help."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        error = exceeded("rate", reset_s=None)
        answerer.respond(query, status="quota_exceeded", answer="", error=error)

    async with run(script=script) as front:
        headers = (await front.client.post(CHAT, json=ASKED)).headers
    assert headers["x-should-retry"] == "false"
    assert "retry-after" not in headers


async def test_an_answer_that_begins_anew_and_differs_ends_the_stream_with_an_error(
    run: Run,
) -> None:
    """The official client raises it."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        answerer.piece(query, 0, "Five")
        await asyncio.sleep(0.01)
        answerer.piece(query, 0, "Ten", "b")
        answerer.respond(query, answer="Ten seconds.")

    async with run(script=script) as front:
        response = await front.client.post(CHAT, json=ASKED | {"stream": True})
        stream = await official(front).chat.completions.create(
            model="freshet", messages=[{"role": "user", "content": "When?"}], stream=True
        )
        with pytest.raises(APIError):
            [chunk async for chunk in stream]
    chunks = chunks_of(response.text)
    assert chunks[-1]["error"]["code"] == "answer_restarted"
    assert None not in chunks


async def test_an_answer_that_does_not_come_is_given_up_and_cancelled(run: Run) -> None:
    """504, and nobody goes on writing it."""
    async with run(script=never_answer) as front:
        front.gateway.questions.timeout_s = 0.05
        response = await front.client.post(CHAT, json=ASKED)
        await front.answerer.was_cancelled.wait()
        assert response.status_code == 504
        assert front.answerer.cancelled[0].query_id == front.answerer.asked[0].query_id


class Call:
    """One request at the level of ASGI, whose caller can hang up."""

    def __init__(self, front: Front, body: dict[str, Any], **headers: str) -> None:
        self._body = json.dumps(body).encode()
        self.hangs_up = asyncio.Event()
        self.sent: list[Any] = []
        given = {"authorization": front.client.headers["authorization"], **headers}
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": CHAT,
            "raw_path": CHAT.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }

    async def receive(self) -> dict[str, Any]:
        """The body, and then the end of the connection."""
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take what comes."""
        self.sent.append(message)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_hangs_up_stops_the_answer(run: Run, stream: bool) -> None:
    """Whether or not it is streamed: a cancellation goes to the same partition."""
    async with run(script=never_answer) as front:
        call = Call(front, ASKED | {"stream": stream})
        request = asyncio.create_task(front.app(call.scope, call.receive, call.send))
        await front.answerer.was_asked.wait()
        call.hangs_up.set()
        await request
        await front.answerer.was_cancelled.wait()
        asked, cancelled = front.log.all("queries")
        assert (asked.key, asked.partition) == (cancelled.key, cancelled.partition)
        assert front.answerer.cancelled[0].query_id == front.answerer.asked[0].query_id
        assert call.sent == []


async def test_a_caller_who_hangs_up_in_the_middle_of_a_stream_stops_the_answer(
    run: Run,
) -> None:
    """After some of it was sent."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        answerer.piece(query, 0, "Five")

    async with run(script=script) as front:
        call = Call(front, ASKED | {"stream": True})
        request = asyncio.create_task(front.app(call.scope, call.receive, call.send))
        await settled()
        begun = len(call.sent)
        call.hangs_up.set()
        await request
        await asyncio.wait_for(front.answerer.was_cancelled.wait(), 5)
        assert begun > 1
        assert front.gateway.questions.waiters.count == 0


async def test_an_answered_question_is_not_cancelled(front: Front) -> None:
    """There is nothing left to stop."""
    await front.client.post(CHAT, json=ASKED)
    await front.client.post(CHAT, json=ASKED | {"stream": True})
    assert len(front.log.all("queries")) == 2


async def test_a_retry_with_the_same_idempotency_key_gets_the_same_answer(front: Front) -> None:
    """Without asking again; another tenant's key of that name is another key."""
    headers = {"Idempotency-Key": "k-1"}
    other = await front.speaking_for("other")
    first = (await front.client.post(CHAT, json=ASKED, headers=headers)).json()
    again = (await front.client.post(CHAT, json=ASKED, headers=headers)).json()
    foreign = (await front.client.post(CHAT, json=ASKED, headers=headers | other)).json()
    assert first["freshet"]["query_id"] == again["freshet"]["query_id"]
    assert foreign["freshet"]["query_id"] != first["freshet"]["query_id"]
    assert len(front.answerer.asked) == 2


async def test_an_answer_survives_a_restart_of_the_gateway(run: Run) -> None:
    """The log has it: whoever comes back with the key finds it."""
    log, headers = MemoryLog(clock=lambda: NOW), {"Idempotency-Key": "k-1"}
    async with run(log=log) as front:
        first = (await front.client.post(CHAT, json=ASKED, headers=headers)).json()
    async with run(log=log, script=never_answer) as front:
        again = (await front.client.post(CHAT, json=ASKED, headers=headers)).json()
    assert again["freshet"]["receipt"] == first["freshet"]["receipt"]
    assert again["id"] == first["id"]


async def test_an_idempotency_key_goes_with_one_question(front: Front) -> None:
    """Nobody is given the answer to something else."""
    headers = {"Idempotency-Key": "k-1"}
    other = {"messages": [{"role": "user", "content": "Where?"}]}
    await front.client.post(CHAT, json=ASKED, headers=headers)
    response = await front.client.post(CHAT, json=other, headers=headers)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "idempotency_key_reused"


async def test_an_idempotency_key_outlives_the_api_key_it_first_came_with(front: Front) -> None:
    """A key that was rotated in between asks the same question."""
    headers = {"Idempotency-Key": "k-1"}
    rotated = await front.speaking_for("acme")
    first = (await front.client.post(CHAT, json=ASKED, headers=headers)).json()
    again = (await front.client.post(CHAT, json=ASKED, headers=headers | rotated)).json()
    assert first["freshet"]["query_id"] == again["freshet"]["query_id"]


async def test_who_may_come_back_is_not_cancelled(run: Run) -> None:
    """The retry gets the answer that the first call asked for."""
    async with run(script=never_answer) as front:
        call = Call(front, ASKED, **{"idempotency-key": "k-1"})
        call.hangs_up.set()
        await front.app(call.scope, call.receive, call.send)
        assert front.answerer.cancelled == []


async def test_too_many_waiting_are_told_to_come_back(run: Run) -> None:
    """503 with Retry-After, at once."""
    async with run(script=never_answer) as front:
        front.gateway.questions.waiters = Waiters(limit=0)
        response = await front.client.post(CHAT, json=ASKED)
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "overloaded"
        assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b'{"messages": []}', 400),
        (b'{"messages": "hello"}', 400),
        (b'{"messages": [{"role": "user", "content": "\xff"}]}', 400),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "messages": []}', 400),
        (b'{"messages": [{"role": "user", "content": "' + b"x" * 100_000 + b'"}]}', 400),
        (b'{"messages": [{"role": "user", "content": "' + b"x" * 2_000_000 + b'"}]}', 413),
    ],
)
async def test_bad_bodies_are_refused_and_nothing_is_asked(
    front: Front, body: bytes, status: int
) -> None:
    """With an error in OpenAI's shape."""
    response = await front.client.post(CHAT, content=body)
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert front.log.all("queries") == []


async def test_a_compressed_body_is_refused(front: Front) -> None:
    """It could be any size."""
    response = await front.client.post(CHAT, json=ASKED, headers={"content-encoding": "gzip"})
    assert response.status_code == 415


async def test_without_a_key_nobody_is_answered(front: Front) -> None:
    """Unknown or absent: 401, and the question goes nowhere."""
    for header in ({}, {"authorization": "Bearer fk_000000000000_" + "A" * 43}):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(front.app), base_url="http://gateway", headers=header
        ) as client:
            response = await client.post(CHAT, json=ASKED)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert front.log.all("queries") == []


async def test_models_are_listed(front: Front) -> None:
    """And found by name."""
    listed = await official(front).models.list()
    found = await official(front).models.retrieve("freshet")
    absent = await front.client.get("/v1/models/gpt-4o")
    assert [model.id for model in listed.data] == ["freshet"]
    assert found.id == "freshet"
    assert absent.status_code == 404
