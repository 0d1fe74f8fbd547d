"""How long an answer takes through the gateway, and how much of that is Freshet's own.

Questions of SQuAD 2.0 dev about documents that were loaded through the pipeline, streamed from
`/v1/chat/completions`. Right after each, the same question goes through the bare calls that an
answer needs: Triton embeds it, Milvus is searched and read, Triton's reader writes the answer.
What the gateway takes longer is Freshet's own share. The judge and the monitor are at work behind
the answers, as they are in a stack that `freshet up` starts.

    python -m tests.bench.answering --data DIR      (or FRESHET_DATA=DIR)
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from statistics import median
from typing import Any, NamedTuple

import httpx

from processors.answer import prompt_for
from processors.index import Access
from processors.search import search
from processors.version import IndexSpec
from schemas.queries import Query
from streams.clients.kafka import Log
from streams.clients.milvus import MilvusIndex
from streams.clients.triton import TritonEmbedder, TritonReader
from streams.config import Settings
from streams.sources.event import DocumentEvent
from streams.views.progress import IndexFollower
from streams.writes import ShownFrom, Written, send_all
from tests.bench import corpus
from tests.bench.questions import Collection, squad
from tests.bench.report import Line, Measured, Options, main, spread
from tests.bench.stack import Bench, bench
from tests.doubles.plans import PROMPT

ROLES = ("indexer", "writer", "admission", "answerer", "gateway", "judge", "monitor")
DOCUMENTS = 6
QUESTIONS = 100
CLIENTS = 8
TENANT = "bench"
TARGET_MS = 40.0
_WITHIN_S = 600.0


class Took(NamedTuple):
    """Milliseconds from the request to the first byte of the answer, and to its end."""

    first: float
    whole: float


class Bare:
    """The calls that an answer needs, and nothing else."""

    def __init__(self, settings: Settings, follower: IndexFollower) -> None:
        self._spec = IndexSpec(name=settings.index_version)
        self._follower = follower
        self._index = MilvusIndex(settings.milvus, self._spec.name, self._spec.lexical)
        self._embedder = TritonEmbedder.of(settings.triton, self._spec, urgent=True)
        self._reader = TritonReader(settings.triton.grpc, settings.triton.reader)

    async def __call__(self, text: str) -> Took:
        """One question."""
        query = Query(query_id="bare", text=text, tenant=TENANT)
        at = self._follower.progress.read_time()
        assert at is not None
        started = time.perf_counter()
        vectors = await self._embedder.embed([text])
        found = await search(
            self._index,
            self._spec,
            vector=vectors[0],
            weights=self._follower.statistics.weights(text, at, Access(tenant=TENANT)),
            at=at,
            access=Access(tenant=TENANT),
            top_k=query.top_k,
        )
        first = None
        pieces = self._reader.generate(
            prompt_for(PROMPT, {"question": text}, found),
            max_tokens=query.max_tokens,
            timeout_s=60.0,
        )
        async for _ in pieces:
            first = first or time.perf_counter()
        ended = time.perf_counter()
        return Took(((first or ended) - started) * 1000, (ended - started) * 1000)

    async def close(self) -> None:
        """Close the channels."""
        await self._index.close()
        await self._embedder.close()
        await self._reader.close()


class Gateway:
    """A client of the gateway."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def __call__(self, text: str) -> Took:
        """One question, streamed. Raises AssertionError where the stream is not whole."""
        body = {
            "model": "freshet",
            "stream": True,
            "messages": [{"role": "user", "content": text}],
        }
        first, last = None, ""
        started = time.perf_counter()
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                first = first or time.perf_counter()
                last = line or last
        ended = time.perf_counter()
        assert response.status_code == 200 and last == "data: [DONE]", (response, last)  # noqa: PT018
        return Took(((first or ended) - started) * 1000, (ended - started) * 1000)


def measure(options: Options) -> Measured:
    """A stack with a few documents."""
    collection = squad(options.folder("retrieval"))
    with bench() as running:
        running.work(ROLES)
        key = json.loads(running.freshet("keys", "create", "--tenant", TENANT, "--json"))["key"]
        return asyncio.run(_measure(running, collection, key))


async def _measure(running: Bench, collection: Collection, key: str) -> Measured:
    documents = list(islice(corpus.documents(collection), DOCUMENTS))
    asked = [q.text for q in collection.questions if q.document < DOCUMENTS]
    questions = list(islice(cycle(asked[:: max(1, len(asked) // QUESTIONS)]), QUESTIONS))
    async with Log(running.settings.kafka) as log:
        await _load(log, running.settings.index_version, documents)
        async with _askers(running.settings, log, key) as (gateway, bare):
            for text in questions[:10]:
                await gateway(text)
                await bare(text)
            pairs = [(await gateway(text), await bare(text)) for text in questions]
            crowd = await _crowd(gateway, questions)
            bare_crowd = await _crowd(bare, questions)
    return _report(pairs, crowd, bare_crowd)


async def _load(log: Log, version: str, documents: Sequence[Any]) -> None:
    shown = await ShownFrom.at_now(log, version)
    events = [DocumentEvent(document.doc_id, document) for document in documents]
    outcomes = [o async for o in send_all(log, events, "freshet/bench", _now)]
    last = {o.position.partition: o.position for o in outcomes if isinstance(o, Written)}
    await shown.wait(list(last.values()), _WITHIN_S)


@asynccontextmanager
async def _askers(settings: Settings, log: Log, key: str) -> AsyncIterator[tuple[Gateway, Bare]]:
    follower = IndexFollower(log, settings.index_version)
    await follower.start()
    bare = Bare(settings, follower)
    address = f"http://{settings.gateway.host}:{settings.gateway.port}"
    name = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=name, timeout=120) as client:
        yield Gateway(client), bare
    await bare.close()
    await follower.stop()


async def _crowd(asker: Gateway | Bare, questions: Sequence[str]) -> list[Took]:
    """Every question once, by so many clients at a time."""
    left = iter(questions)
    took: list[Took] = []

    async def client() -> None:
        for text in left:
            took.append(await asker(text))

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return took


def _report(
    pairs: Sequence[tuple[Took, Took]], crowd: Sequence[Took], bare_crowd: Sequence[Took]
) -> Measured:
    alone = _spreads([gateway for gateway, _ in pairs])
    bare = _spreads([bare for _, bare in pairs])
    own = {
        "first": spread([gateway.first - bare.first for gateway, bare in pairs]),
        "whole": spread([gateway.whole - bare.whole for gateway, bare in pairs]),
    }
    share = own["whole"]["p50"]
    many, bare_many = _spreads(crowd), _spreads(bare_crowd)
    lines = [
        Line(
            what="Freshet's own share of an answer, 1 client, p50",
            figure=f"{share:.0f} ms",
            target=f"at most {TARGET_MS:.0f} ms",
            met=share <= TARGET_MS,
        )
    ]
    table = {
        "gateway, 1 client": alone,
        "bare calls, 1 client": bare,
        f"gateway, {CLIENTS} clients": many,
        f"bare calls, {CLIENTS} clients": bare_many,
    }
    for name, figures in table.items():
        for moment, said in (("first", "first byte"), ("whole", "end")):
            found = figures[moment]
            lines.append(
                Line(
                    what=f"{name}: to the {said}, p50 / p99",
                    figure=f"{found['p50']:.0f} / {found['p99']:.0f} ms",
                )
            )
    median_ratio = median(gateway.whole / bare.whole for gateway, bare in pairs)
    return lines, {"own_share_ms": own, "ratio": round(median_ratio, 2), "table_ms": table}


def _spreads(took: Sequence[Took]) -> dict[str, dict[str, float]]:
    return {
        "first": spread([one.first for one in took]),
        "whole": spread([one.whole for one in took]),
    }


def _now() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main("answering", measure))
