"""A real Prometheus on the running stack finds data behind every panel of every dashboard."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from monitoring.dashboards import DASHBOARDS
from monitoring.dashboards.panel import Query
from monitoring.metrics import FAMILIES
from schemas.codec import encode
from schemas.envelope import headers
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback
from schemas.topics import type_of
from streams.config import Settings
from tests.doubles import prometheus, promql
from tests.doubles.client import Client
from tests.doubles.prometheus import TestDashboards
from tests.doubles.stack import TestStack

pytestmark = prometheus.needed

DATA_S = 120.0
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def dashboards(
    stack: TestStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestDashboards]:
    """Ready."""
    running = TestDashboards(stack, tmp_path_factory.mktemp("dashboards"))
    try:
        yield running.start()
    finally:
        assert running.stop() == []


@pytest.fixture
async def prom(dashboards: TestDashboards) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to Prometheus."""
    async with httpx.AsyncClient(base_url=dashboards.url("prometheus"), timeout=30) as http:
        yield http


def queries(settings: Settings) -> dict[str, Query]:
    """Every query of every panel that must have data, by where it stands."""
    running = {"gateway", "worker", *settings.metrics.ports}
    absent = {
        metric.name
        for role, family in FAMILIES.items()
        if role not in running
        for metric in family.metrics
    }
    return {
        f"{board.title} / {panel.title} / {query.legend}": query
        for board in DASHBOARDS
        for panel in board.panels
        for query in panel.queries
        if not promql.metrics_behind(query.expr) & absent
        and not ('role="judge"' in query.expr and "judge" not in running)
    }


class Traffic:
    """Somebody who uses the stack in every way that a panel shows."""

    def __init__(self, stack: TestStack, client: Client, tenant: str, key: str) -> None:
        gateway = stack.settings.gateway
        self._address = f"http://{gateway.host}:{gateway.port}"
        self._client = client
        self._tenant = tenant
        self._key = key

    async def run(self) -> None:
        """Until cancelled."""
        headers = {"Authorization": f"Bearer {self._key}"}
        await self._evaluated()
        async with httpx.AsyncClient(base_url=self._address, headers=headers, timeout=60) as http:
            while True:
                await self._write(http)
                await self._ask(http)
                await self._err(http)
                await asyncio.sleep(0.5)

    async def _evaluated(self) -> None:
        """Answers as a judge would have written them, the last of them slow and wrong, and what
        people say of each: figures move, and people and judge disagree at times."""
        began = time.time_ns() // 1000
        for number in range(120):
            at, bad = began + number, number >= 90
            score = Score(
                name="groundedness",
                label="ungrounded" if bad else "grounded",
                score=number % 10 / 10 + 0.05,
            )
            latency = Score(name="latency_ms", score=9000.0 + number if bad else 100.0 + number % 9)
            evaluation = Evaluation(
                query_id=f"{self._tenant}-{number}",
                tenant=self._tenant,
                judge="test@1",
                at=at,
                scores=[score, latency],
                labels={"route": "default"},
                answered_at=at,
            )
            rating: Any = -1 if bad or number % 7 == 0 else 1
            said = Feedback(query_id=evaluation.query_id, tenant=self._tenant, rating=rating)
            await self._send("evaluations", evaluation, at)
            await self._send("feedback", said, at)

    async def _send(self, topic: str, event: Evaluation | Feedback, at: int) -> None:
        name = headers(type_of(event), source="/tests/dashboards", time=at)
        await self._client.log.send(topic, event.query_id, encode(event), name)

    async def _write(self, http: httpx.AsyncClient) -> None:
        """A document that changes in one sentence and stays the same in another."""
        text = f"# Tide\n\nThe tide of Husum turns at {uuid4().hex}.\n\nThe port has a museum.\n"
        body = {"text": text, "content_type": "text/markdown"}
        (await http.put("/v1/documents/tide?wait=true", json=body)).raise_for_status()

    async def _ask(self, http: httpx.AsyncClient) -> None:
        """At once, and as a stream; and a thumb for the answer."""
        question = {"role": "user", "content": "What does the port of Husum have?"}
        body: dict[str, Any] = {"model": "freshet", "messages": [question]}
        answer = await http.post("/v1/chat/completions", json=body)
        (await http.post("/v1/chat/completions", json=body | {"stream": True})).raise_for_status()
        said = {"query_id": answer.json()["freshet"]["query_id"], "rating": 1}
        (await http.post("/v1/feedback", json=said)).raise_for_status()

    async def _err(self, http: httpx.AsyncClient) -> None:
        """A question for tomorrow, one without a budget, a wrong key, a document that is none."""
        tomorrow = self._client.progress.read_time() or 0
        await self._client.ask("?", tenant=self._tenant, as_of=tomorrow + DAY_US)
        await self._client.ask("?", tenant=poor(self._tenant))
        refused = await http.get("/v1/models", headers={"Authorization": "Bearer wrong"})
        assert refused.status_code == 401
        await self._client.raw("documents", f"{self._tenant}/bad", b"{")


def poor(tenant: str) -> str:
    """A tenant beside one, who may ask nothing."""
    return f"{tenant}-poor"


@asynccontextmanager
async def traffic(
    stack: TestStack, client: Client, tenant: str
) -> AsyncIterator["asyncio.Task[None]"]:
    """While this lasts."""
    made = stack.freshet("keys", "create", "--tenant", tenant, "--name", "dashboards")
    nothing = ("--tenant", poor(tenant), "--requests-per-minute", "0", "--why", "a test")
    assert stack.freshet("quota", "set", *nothing).returncode == 0
    user = Traffic(stack, client, tenant, made.stdout.strip())
    task = asyncio.create_task(user.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def without_data(
    http: httpx.AsyncClient, wanted: dict[str, Query], goes_on: "asyncio.Task[None]"
) -> dict[str, str]:
    """What has had no number within `DATA_S`."""
    deadline = time.monotonic() + DATA_S
    left = dict(wanted)
    while left and time.monotonic() < deadline:
        if goes_on.done():
            goes_on.result()
        for place, query in wanted.items():
            if place in left and prometheus.is_known(await prometheus.ask(http, query.expr)):
                del left[place]
        await asyncio.sleep(1.0)
    return {place: query.expr for place, query in left.items()}


async def test_there_is_data_behind_every_panel(
    prom: httpx.AsyncClient, stack: TestStack, client: Client, own: str
) -> None:
    """In every query a number, after a while of ordinary traffic and mistakes."""
    wanted = queries(stack.settings)
    assert len(wanted) > 30
    async with traffic(stack, client, own) as goes_on:
        assert await without_data(prom, wanted, goes_on) == {}


async def test_every_process_is_read_and_none_is_missed(
    prom: httpx.AsyncClient, stack: TestStack
) -> None:
    """The stack's own, by the names that the rules have for them."""
    body = (await prom.get("/api/v1/targets")).json()
    health = {each["labels"]["job"]: each["health"] for each in body["data"]["activeTargets"]}

    assert health.keys() == {*stack.settings.metrics.ports, "gateway", "triton", "prometheus"}
    assert set(health.values()) == {"up"}


async def test_a_dead_letter_raises_its_alert(
    prom: httpx.AsyncClient, client: Client, own: str
) -> None:
    """The rules are evaluated where the figures are."""
    await client.dead_letter(await client.raw("documents", f"{own}/bad", b"{"))
    expr = 'ALERTS{alertname="FreshetDeadLetters",alertstate="firing",role="indexer"}'
    for _ in range(60):
        if await prometheus.ask(prom, expr):
            return
        await asyncio.sleep(0.5)
    raise AssertionError("it does not fire")


async def test_the_reports_are_shown(dashboards: TestDashboards) -> None:
    """By Evidently's own interface; before there is one, an empty list."""
    async with httpx.AsyncClient(base_url=dashboards.url("reports"), timeout=30) as http:
        assert (await http.get("/api/projects")).json() == []


def test_a_second_run_says_where_the_first_one_is(dashboards: TestDashboards) -> None:
    """And starts nothing."""
    done = dashboards.again()

    assert done.returncode == 0
    assert "already run" in done.stderr
    assert dashboards.url("prometheus") in done.stderr


def test_it_says_where_each_is_and_how_to_get_what_is_missing(dashboards: TestDashboards) -> None:
    """Grafana is seldom there."""
    said = dashboards.said()

    assert dashboards.url("prometheus") in said
    assert dashboards.url("reports") in said
    assert "grafana" in said


def test_a_taken_port_is_named_with_its_setting(
    dashboards: TestDashboards, stack: TestStack
) -> None:
    """Whoever has it: here the first one, which another state folder does not know of."""
    elsewhere = {**dashboards.environment, "FRESHET_STATE_DIR": f"{stack.state_dir}-other"}
    other = TestDashboards(stack, stack.state_dir)
    other.environment = elsewhere

    done = other.again()

    assert done.returncode == 1
    assert re.search(r"port \d+ on 127.0.0.1 is in use.*dashboards\.\w+_port", done.stderr)
