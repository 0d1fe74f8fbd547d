"""What is left of a caller's bounds, by the ledger that the gateway follows."""

from typing import Any

import pytest
from msgspec import Struct
from prometheus_client import REGISTRY

from schemas.codec import encode
from schemas.control import Budget, ControlEvent, Quota
from schemas.envelope import headers
from schemas.queries import Query
from schemas.responses import Error, ExceededLimit
from schemas.topics import type_of
from streams.control import send
from tests.doubles.answerer import ScriptedAnswerer
from tests.doubles.front import NOW, Front, Run, settled
from tests.doubles.log import MemoryLog
from tests.doubles.spending import MINUTE, bound, reserved
from tests.doubles.spending import settled as charged

CHAT = "/v1/chat/completions"
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "When?"}], "user": "ana"}
SAID: dict[str, Any] = {"revision": 1, "by": "ana", "why": "", "at": 1}
QUOTA = Quota(tenant="acme", tokens_per_minute=1000, requests_per_minute=9, **SAID)


async def in_force(front: Front, *changes: ControlEvent) -> None:
    """From now on."""
    for change in changes:
        await send(front.log, change)
    await settled()


def entries(log: MemoryLog, *events: Struct) -> None:
    """Somebody's usage."""
    for event in events:
        name = headers(type_of(event), source="test", time=NOW)
        log.append("usage", "acme", encode(event), name, 0)


def spent(log: MemoryLog) -> None:
    """450 tokens by one request, and 300 held for another."""
    bounds = bound(1000), bound(9, "acme:requests_per_minute", unit="requests")
    entries(log, reserved("a", 500, *bounds), charged("a", 400, 50), reserved("b", 300, *bounds))


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_says_what_is_left(front: Front, stream: bool) -> None:
    """What is used and what is held is gone; what is used comes back in a minute."""
    await in_force(front, QUOTA)
    spent(front.log)
    await settled()
    answer = await front.client.post(CHAT, json=ASKED | {"stream": stream})
    found = {k: v for k, v in answer.headers.items() if k.startswith("x-ratelimit")}
    assert answer.status_code == 200
    assert found == {
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "250",
        "x-ratelimit-reset-tokens": "1m1s",
        "x-ratelimit-limit-requests": "9",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "1m1s",
    }


async def test_a_caller_without_bounds_is_told_of_none(front: Front) -> None:
    """Nor of those of others, nor of one that refuses nobody."""
    shadow = Budget(name="watched", unit="requests", limit=1, shadow=True, **SAID)
    await in_force(front, Quota(tenant="other", concurrent=1, **SAID), shadow)
    answer = await front.client.post(CHAT, json=ASKED)
    assert not any(name.startswith("x-ratelimit") for name in answer.headers)


async def test_each_user_is_told_of_their_own(front: Front) -> None:
    """By OpenAI's field `user`; a change counts from the next request on."""
    each = Budget(name="each", each="user", unit="requests", limit=5, **SAID)
    await in_force(front, each)
    entries(front.log, reserved("a", 5, bound(5, "each", bucket="acme ana", unit="requests")))
    charge = bound(5, "each", bucket="acme ana", unit="requests", window="day")
    entries(front.log, reserved("b", 5, charge))
    await settled()
    left = "x-ratelimit-remaining-requests"
    ana = await front.client.post(CHAT, json=ASKED)
    bo = await front.client.post(CHAT, json=ASKED | {"user": "bo"})
    assert (ana.headers[left], bo.headers[left]) == ("4", "5")
    more = Budget(name="each", each="user", unit="requests", limit=9, **SAID | {"revision": 2})
    await in_force(front, more)
    ana = await front.client.post(CHAT, json=ASKED)
    assert ana.headers[left] == "8"


async def test_a_refusal_tells_of_the_other_bounds_too(run: Run) -> None:
    """Of the one that it did not fit it knows from the refusal."""

    async def script(answerer: ScriptedAnswerer, query: Query) -> None:
        limit = ExceededLimit(
            name="b", kind="rate", unit="tokens", limit=800, remaining=3, reset_s=4.0
        )
        error = Error(type="quota_exceeded", message="no", retry_after_s=4.0, limit=limit)
        answerer.respond(query, status="quota_exceeded", answer="", error=error)

    async with run(script=script) as front:
        await in_force(front, QUOTA)
        found = (await front.client.post(CHAT, json=ASKED)).headers
    assert found["x-ratelimit-remaining-tokens"] == "3"
    assert found["x-ratelimit-limit-tokens"] == "800"
    assert found["x-ratelimit-remaining-requests"] == "9"


def value(name: str, **labels: str) -> float | None:
    """A metric of this process."""
    return REGISTRY.get_sample_value(name, labels)


async def test_how_the_ledger_stands_is_measured(front: Front) -> None:
    """The fullest budgets, what is held, and what a budget on trial would have refused."""
    shadow = value("freshet_ledger_shadow_refusals_total") or 0.0
    await in_force(front, QUOTA)
    spent(front.log)
    watched = bound(1, "watched", unit="requests", shadow=True)
    entries(front.log, reserved("c", 200, bound(1000), watched), reserved("d", 1, watched))
    await settled()
    assert value("freshet_ledger_fullest_ratio", kind="rate") == 0.95
    assert value("freshet_ledger_nearly_used_up_budgets", kind="rate") == 1
    assert value("freshet_ledger_fullest_ratio", kind="quota") == 0
    assert value("freshet_ledger_held_tokens") == 501
    assert value("freshet_ledger_open_requests") == 3
    assert value("freshet_ledger_overdue_requests") == 0
    assert value("freshet_ledger_shadow_refusals_total") == shadow + 1


async def test_what_was_overdue_before_it_began_to_follow_is_not_held(run: Run) -> None:
    """Where the log is read from the middle, nobody may tell the end any more."""
    log = MemoryLog(clock=lambda: NOW)
    entries(log, reserved("old", 900, bound(1000), expires_at=NOW - MINUTE))
    async with run(log=log) as front:
        await in_force(front, QUOTA)
        answer = await front.client.post(CHAT, json=ASKED)
    assert answer.headers["x-ratelimit-remaining-tokens"] == "1000"
