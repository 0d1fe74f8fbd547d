"""How many answers a second are judged, from the log to the log, beside the judge alone.

Real answers to questions about documents that were loaded through the pipeline; then copies of
them, under ids of their own, with their questions, as if a fast model had answered. The judge
worker starts when all of them wait. Beside it the same claims and passages go to the judge in
Triton alone, as many at once.

    python -m tests.bench.judging --data DIR      (or FRESHET_DATA=DIR)
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from itertools import islice
from statistics import median
from typing import NamedTuple
from uuid import uuid4

from msgspec import structs

from processors.index import Access
from processors.judge.claims import split
from processors.judge.grounded import Evidence
from processors.judge.scores import passage
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.envelope import headers
from schemas.queries import AdmittedQuery, Query, Reservation
from schemas.responses import Response
from schemas.topics import type_of
from streams.asking import answer
from streams.clients.judging import TritonJudge
from streams.clients.kafka import Log, partition_of
from streams.clients.milvus import MilvusIndex
from streams.sources.event import DocumentEvent
from streams.writes import ShownFrom, Written, send_all
from tests.bench import corpus
from tests.bench.questions import Collection, squad
from tests.bench.report import Line, Measured, Options, main, spread
from tests.bench.stack import Bench, bench

ROLES = ("indexer", "writer", "admission", "answerer")
DOCUMENTS = 6
QUESTIONS = 60
ANSWERS = 2000
RUNS = 3
TENANT = "bench"
SOURCE = "freshet/bench"
LEAST = 100.0
_WITHIN_S = 600.0
_IN_FLIGHT = 4


class Asked(NamedTuple):
    """A question and its answer."""

    text: str
    response: Response


def measure(options: Options) -> Measured:
    """A stack with a few documents."""
    collection = squad(options.folder("retrieval"))
    with bench() as running:
        running.work(ROLES)
        asked = asyncio.run(_answered(running, collection))
        asyncio.run(_waiting(running, asked))
        began = time.monotonic()
        running.work(("judge",))
        ready_s = time.monotonic() - began
        rates = [asyncio.run(_judged(running, began))]
        for _ in range(RUNS - 1):
            rates.append(asyncio.run(_again(running, asked)))
        alone = [asyncio.run(_alone(running, asked)) for _ in range(RUNS)]
    claims = sum(len(split(one.response.answer).claims) for one in asked) / len(asked)
    return _report(rates, alone, claims, ready_s)


async def _answered(running: Bench, collection: Collection) -> list[Asked]:
    documents = list(islice(corpus.documents(collection), DOCUMENTS))
    asked = [one.text for one in collection.questions if one.document < DOCUMENTS]
    texts = asked[:: max(1, len(asked) // QUESTIONS)]
    async with Log(running.settings.kafka) as log:
        shown = await ShownFrom.at_now(log, running.settings.index_version)
        events = [DocumentEvent(document.doc_id, document) for document in documents]
        outcomes = [one async for one in send_all(log, events, SOURCE, _now)]
        last = {o.position.partition: o.position for o in outcomes if isinstance(o, Written)}
        await shown.wait(list(last.values()), _WITHIN_S)
        given = []
        for text in texts:
            query = Query(query_id=str(uuid4()), text=text, tenant=TENANT)
            given.append(Asked(text, await answer(log, query, timeout_s=60)))
    return [one for one in given if one.response.answer]


async def _waiting(running: Bench, asked: Sequence[Asked]) -> None:
    """Copies of the answers, with their questions, in the log."""
    partitions = running.settings.kafka.partitions
    async with Log(running.settings.kafka) as log:
        sent = []
        for number in range(ANSWERS):
            one = asked[number % len(asked)]
            query = Query(query_id=str(uuid4()), text=one.text, tenant=TENANT)
            admitted = AdmittedQuery(
                query=query, reservation=Reservation(tokens=0), admitted_at=_now(), deadline=_now()
            )
            response = structs.replace(one.response, query_id=query.query_id)
            at = partition_of(query.query_id.encode(), partitions)
            for topic, event in (("queries.admitted", admitted), ("responses", response)):
                name = headers(type_of(event), source=SOURCE, time=_now())
                sent.append(await log.submit(topic, query.query_id, encode(event), name, at))
        await asyncio.gather(*sent)


async def _judged(running: Bench, began: float) -> float:
    """Answers a second until every response has its evaluation."""
    async with Log(running.settings.kafka) as log:
        responses = sum((await log.ends("responses")).values())
        before = sum((await log.ends("evaluations")).values())
        await _until_evaluated(log, responses)
    return (responses - before) / (time.monotonic() - began)


async def _again(running: Bench, asked: Sequence[Asked]) -> float:
    """More of them, while the judge is at work."""
    began = time.monotonic()
    sending = asyncio.create_task(_waiting(running, asked))
    await sending
    async with Log(running.settings.kafka) as log:
        responses = sum((await log.ends("responses")).values())
        await _until_evaluated(log, responses)
    return ANSWERS / (time.monotonic() - began)


async def _until_evaluated(log: Log, responses: int) -> None:
    while sum((await log.ends("evaluations")).values()) < responses:  # noqa: ASYNC110
        await asyncio.sleep(0.2)


async def _alone(running: Bench, asked: Sequence[Asked]) -> float:
    """Answers a second through the judge in Triton and nothing else."""
    settings = running.settings
    index = MilvusIndex(settings.milvus, settings.index_version, IndexSpec().lexical)
    judge = TritonJudge(settings.triton.grpc, settings.triton.judge, in_flight=_IN_FLIGHT)
    calls = []
    for one in asked:
        receipt = one.response.receipt
        assert receipt is not None
        ids = [name.rpartition("@")[0] for name in receipt.passages]
        rows = await index.passages(ids, receipt.as_of, Access())
        had = [passage(name, rows[at].text) for name, at in zip(receipt.passages, ids, strict=True)]
        evidence = Evidence.of(had, split(one.response.answer).claims)
        heard = evidence.heard
        calls.append(([h.text for h in heard], evidence.texts, [h.allowed for h in heard]))
    began = time.monotonic()
    await asyncio.gather(*(judge.judge(*calls[n % len(calls)]) for n in range(ANSWERS)))
    took = time.monotonic() - began
    await judge.close()
    await index.close()
    return ANSWERS / took


def _report(
    rates: Sequence[float], alone: Sequence[float], claims: float, ready_s: float
) -> Measured:
    rate, bare = median(rates[1:]), median(alone)
    lines = [
        Line(
            what="answers judged a second, from the log to the log",
            figure=f"{rate:.0f}",
            target=f"at least {LEAST:.0f}",
            met=rate >= LEAST,
        ),
        Line(
            what="the judge in Triton alone",
            figure=f"{bare:.0f} a second; the worker reaches {rate / bare:.0%} of it",
        ),
        Line(
            what=f"{ANSWERS} that waited, with the worker's start ({ready_s:.1f} s)",
            figure=f"{rates[0]:.0f} a second",
        ),
        Line(what="claims an answer", figure=f"{claims:.1f}"),
    ]
    return lines, {"judged_per_s": spread(rates), "alone_per_s": spread(alone)}


def _now() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main("judging", measure))
