"""Quotas on the real parts: what fits is answered, and not a token more is used."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openai import AsyncOpenAI, RateLimitError

from processors.verify.report import Report
from streams.verify_usage import note_usage
from tests.doubles.client import Client, _now_us, eventually
from tests.doubles.crowd import CALLERS, DOC_ID, DOCUMENT, HELD, QUESTION, Outcome, ask, crowd
from tests.doubles.stack import TestStack

TENANTS = 4
BECAUSE = ("--why", "a test")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """A stack of its own: budgets bind everybody, and questions may wait long for tokens."""
    running = TestStack(tmp_path_factory.mktemp("quotas"), limits={"quota_wait_s": 30.0})
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
async def client(stack: TestStack) -> Any:
    """A user of that stack; what everybody asks about is searchable."""
    async with Client(stack.settings) as connected:
        await connected.put_shown(DOC_ID, DOCUMENT)
        yield connected


@pytest.fixture(scope="module")
def keys(stack: TestStack) -> list[str]:
    """One of each of some tenants: questions of several partitions of the log."""
    return [key_of(stack, f"crowd-{number}") for number in range(TENANTS)]


def key_of(stack: TestStack, tenant: str) -> str:
    """A new key."""
    return run(stack, "keys", "create", "--tenant", tenant).strip()


def run(stack: TestStack, *arguments: str) -> str:
    """What a command prints."""
    done = stack.freshet(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def address(stack: TestStack) -> str:
    """Where the gateway listens."""
    return f"http://{stack.settings.gateway.host}:{stack.settings.gateway.port}"


@contextmanager
def budget(stack: TestStack, *options: str) -> Iterator[str]:
    """A budget for as long as the block lasts."""
    name = f"b{uuid4().hex[:8]}"
    run(stack, "quota", "set", name, *options, *BECAUSE)
    try:
        yield name
    finally:
        run(stack, "quota", "remove", name, *BECAUSE)


def shown(stack: TestStack, name: str) -> dict[str, Any]:
    """How a budget stands."""
    found: dict[str, Any] = json.loads(run(stack, "quota", "show", name, "--json"))
    return found


async def asked(stack: TestStack, key: str) -> Outcome:
    """One question."""
    async with httpx.AsyncClient(base_url=address(stack), timeout=60) as client:
        return await ask(client, key)


async def checked(client: Client) -> Report:
    """What `freshet verify` says of the ledger."""
    report = Report(as_of=0, index_version="v1")
    await note_usage(client.log, report, _now_us())
    return report


@pytest.mark.parametrize("stream", [False, True])
async def test_a_crowd_uses_what_there_is_and_not_a_token_more(
    stack: TestStack, client: Client, keys: list[str], stream: bool
) -> None:
    """64 at once against a budget that holds ten; the log proves it."""
    needed = (await asked(stack, keys[0])).tokens
    limit = HELD * needed
    with budget(stack, "--limit", str(limit), "--unit", "tokens", "--window", "month") as name:
        outcomes = await crowd(address(stack), keys, stream=stream)
        stands = shown(stack, name)
    answered = [one for one in outcomes if one.status == 200]
    refused = [one for one in outcomes if one.status != 200]
    used = sum(one.tokens for one in answered)
    report = await checked(client)
    assert len(outcomes) == CALLERS
    assert {(one.status, one.code) for one in refused} == {(429, "insufficient_quota")}
    assert (stands["used"], stands["held"]) == (used, 0)
    assert 0.98 * limit <= used <= limit
    assert (report.faults, report.open) == ([], 0)
    assert report.bounds > 0


async def test_a_quota_and_a_rate_are_told_apart_by_the_official_client(
    stack: TestStack, client: Client
) -> None:
    """With the headers that say what is left, on answers and on refusals."""
    tenant = f"t{uuid4().hex[:8]}"
    key = key_of(stack, tenant)
    run(stack, "quota", "set", "--tenant", tenant, "--requests-per-minute", "1", *BECAUSE)
    answered = await asked(stack, key)
    assert answered.status == 200
    assert answered.headers["x-ratelimit-limit-requests"] == "1"
    url = f"{address(stack)}/v1"
    async with AsyncOpenAI(api_key=key, base_url=url, max_retries=0) as official:
        with pytest.raises(RateLimitError) as rate:
            await official.chat.completions.create(
                model="freshet", messages=[{"role": "user", "content": QUESTION}]
            )
        day = ("--requests-per-minute", "none", "--tokens-per-day", "1")
        run(stack, "quota", "set", "--tenant", tenant, *day, *BECAUSE)
        await eventually_refused(official, "insufficient_quota")
    headers = rate.value.response.headers
    assert (rate.value.code, rate.value.type) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(headers["retry-after"]) <= 61
    assert headers["x-ratelimit-remaining-requests"] == "0"


async def eventually_refused(official: AsyncOpenAI, code: str) -> None:
    """A change of a quota counts within a second."""

    async def refused() -> bool:
        with pytest.raises(RateLimitError) as caught:
            await official.chat.completions.create(
                model="freshet",
                messages=[{"role": "user", "content": QUESTION}],
                extra_body={"stream": True},
            )
        return caught.value.code == code

    await eventually(refused, f"{code}", 5)


LONG = """## The slow train to Narvik

The slow train to Narvik leaves on the first Monday of the month, early in the morning, from the
last platform of the old station behind the harbour, past the sheds of the fishermen, the mill, the
school, the two churches, the marsh with its cranes, the long lake and the quarry, and whoever wants
to see the mountains in the light of the rising sun should sit on the left, take something warm to
drink along, and ask the guard to open the window at the third bridge.

## Other trains

The express to Kiruna has a dining car and no beds. The mail train to Boden has beds and no dining
car, and stops wherever somebody waves a lamp. Between them runs the train for the mine, which takes
no people at all but carries letters for the miners, and newspapers that are two days old when they
come there. In winter a plough goes ahead of each of them, and its driver is given soup at the mill.
"""
LONG_QUESTION = "When does the slow train to Narvik leave?"


async def test_an_answer_that_is_cut_ends_cleanly(stack: TestStack, client: Client) -> None:
    """With `length`, whether it is streamed or not; what there is is not exceeded."""
    tenant = f"t{uuid4().hex[:8]}"
    key = key_of(stack, tenant)
    await client.put_shown(f"{tenant}/train.md", LONG, acl=[tenant])
    async with httpx.AsyncClient(base_url=address(stack), timeout=60) as http:
        whole = await ask(http, key, LONG_QUESTION, top_k=2)
        limit = whole.tokens - 20
        for stream in (False, True):
            options = ("--tenant", tenant, "--limit", str(limit), "--unit", "tokens")
            with budget(stack, *options) as name:
                cut = await ask(http, key, LONG_QUESTION, stream=stream, top_k=2)
                assert shown(stack, name)["used"] == cut.tokens == limit
            assert (cut.status, cut.finish) == (200, "length")
    assert whole.finish == "stop"


async def test_each_user_and_each_key_has_a_budget_apart(stack: TestStack, client: Client) -> None:
    """By OpenAI's `user`, and by the key."""
    tenant = f"t{uuid4().hex[:8]}"
    key = key_of(stack, tenant)
    options = ("--tenant", tenant, "--each", "user", "--limit", "1", "--unit", "requests")
    with budget(stack, *options) as name:
        async with AsyncOpenAI(
            api_key=key, base_url=f"{address(stack)}/v1", max_retries=0
        ) as official:
            for user in ("ana", "bo"):
                await official.chat.completions.create(
                    model="freshet", messages=[{"role": "user", "content": QUESTION}], user=user
                )
            with pytest.raises(RateLimitError):
                await official.chat.completions.create(
                    model="freshet", messages=[{"role": "user", "content": QUESTION}], user="ana"
                )
        lines = run(stack, "quota", "show", name, "--json").splitlines()
        used = {one["bucket"]: one["used"] for one in map(json.loads, lines)}
    assert used == {f"{tenant} ana": 1, f"{tenant} bo": 1}
    by_user = run(stack, "quota", "usage", "--by", "user", "--tenant", tenant, "--json")
    assert {json.loads(one)["of"]["user"] for one in by_user.splitlines()} == {"ana", "bo"}


async def test_what_is_only_watched_refuses_nobody(stack: TestStack, client: Client) -> None:
    """And says whom it would have refused."""
    tenant = f"t{uuid4().hex[:8]}"
    key = key_of(stack, tenant)
    options = ("--tenant", tenant, "--limit", "1", "--unit", "requests", "--shadow")
    with budget(stack, *options) as name:
        found = [await asked(stack, key) for _ in range(3)]
        stands = shown(stack, name)
    assert [one.status for one in found] == [200, 200, 200]
    assert (stands["used"], stands["would_refuse"]) == (3, 2)


async def test_a_caller_who_hangs_up_gets_its_tokens_back(stack: TestStack, client: Client) -> None:
    """Nothing stays held, and the log agrees."""
    tenant = f"t{uuid4().hex[:8]}"
    key = key_of(stack, tenant)
    with budget(stack, "--tenant", tenant, "--limit", "100000", "--unit", "tokens") as name:
        asking = [asyncio.create_task(asked(stack, key)) for _ in range(8)]
        await asyncio.sleep(0.3)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

        async def free() -> bool:
            return bool(shown(stack, name)["held"] == 0)

        await eventually(free, "all that was held to be free", 40)
    assert (await checked(client)).faults == []


async def test_verify_tells_of_the_ledger(stack: TestStack, client: Client) -> None:
    """With its counts, and without a fault."""
    done = stack.freshet("verify")
    assert done.returncode == 0, done.stdout
    assert "times a bound was held" in done.stdout
