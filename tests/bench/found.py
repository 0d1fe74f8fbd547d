"""How often a passage that holds the answer is found, through the real index.

SQuAD 2.0 dev (its articles joined into documents, all answerable questions) and TimeQA train go
through the whole pipeline, as events of `documents`: the indexer and the writer work on them,
the embedder is the served one. Then every question is embedded, searched in Milvus and fused, as
the answerer does it, at one index time. Each set has an index of its own, as in the design's table.

    python -m tests.bench.found --data DIR      (or FRESHET_DATA=DIR)
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

from processors.index import Access
from processors.search import Retrieved, search
from processors.version import IndexSpec
from streams.clients.kafka import Log
from streams.clients.milvus import MilvusIndex
from streams.clients.triton import TritonEmbedder
from streams.sources.event import DocumentEvent
from streams.views.progress import IndexFollower
from streams.writes import ShownFrom, Written, send_all
from tests.bench import corpus
from tests.bench.questions import Collection, Question, squad, timeqa
from tests.bench.report import RESULTS, Line, Measured, Options, main, spread
from tests.bench.stack import INDEXING, Bench, bench

TARGETS = {"squad-dev": (0.79, 0.94), "timeqa-train": (0.41, 0.81)}
TOP_K = 5
_OFFLINE = RESULTS / "retrieval_offline.json"
_TIMED = 300
_AT_ONCE = 8
_PER_CALL = 256
_WITHIN_S = 3600.0

Span = tuple[int, int]


def measure(options: Options) -> Measured:
    """Both sets, each on a stack of its own."""
    folder = options.folder("retrieval")
    lines: list[Line] = []
    details: dict[str, Any] = {"documents_through": "the whole pipeline"}
    for collection in (squad(folder), timeqa(folder)):
        with bench() as running:
            running.work(INDEXING)
            found = asyncio.run(_measure(running, collection))
        details[collection.name] = {**found, "beside": _offline(collection.name)}
        for name, target in zip(("R@1", "R@5"), TARGETS[collection.name], strict=True):
            lines.append(
                Line(
                    what=f"{collection.name}, {found['questions']} questions, {name}",
                    figure=f"{found[name]:.3f}",
                    target=f"at least {target}",
                    met=found[name] >= target,
                )
            )
        cost = found["search_ms"]
        lines.append(
            Line(
                what=f"one search among {found['units']} units, p50 / p99",
                figure=f"{cost['p50']:.0f} / {cost['p99']:.0f} ms",
            )
        )
    return lines, details


async def _measure(running: Bench, collection: Collection) -> dict[str, Any]:
    settings = running.settings
    async with Log(settings.kafka) as log:
        took = await _load(log, settings.index_version, collection)
        print(f"{collection.name}: loaded in {took:.0f} s", file=sys.stderr, flush=True)
        follower = IndexFollower(log, settings.index_version)
        await follower.start()
        index = MilvusIndex(settings.milvus, settings.index_version, IndexSpec().lexical)
        vectors = await _embedded(running, [question.text for question in collection.questions])
        at = follower.progress.read_time()
        assert at is not None

        async def ask(number: int) -> tuple[list[Retrieved], float]:
            weights = follower.statistics.weights(collection.questions[number].text, at, Access())
            started = time.perf_counter()
            found = await search(
                index,
                IndexSpec(),
                vector=vectors[number],
                weights=weights,
                at=at,
                access=Access(),
                top_k=TOP_K,
            )
            return found, (time.perf_counter() - started) * 1000

        ranked = await _all(ask, len(collection.questions))
        timed = [(await ask(number))[1] for number in range(min(_TIMED, len(ranked)))]
        spans = await _spans(index, collection, at)
        units = sum([1 async for _ in index.rows("units")])
        await follower.stop()
        await index.close()
    return {
        "questions": len(collection.questions),
        "documents": len(collection.documents),
        "units": units,
        "passages": sum(map(len, spans)),
        "R@1": _recall(collection.questions, ranked, spans, 1),
        "R@5": _recall(collection.questions, ranked, spans, 5),
        "search_ms": spread(timed),
        "loaded_in_s": round(took, 1),
    }


async def _load(log: Log, version: str, collection: Collection) -> float:
    shown = await ShownFrom.at_now(log, version)
    events = [DocumentEvent(d.doc_id, d) for d in corpus.documents(collection)]
    started = time.perf_counter()
    outcomes = [o async for o in send_all(log, events, "freshet/bench", _now)]
    last = {o.position.partition: o.position for o in outcomes if isinstance(o, Written)}
    await shown.wait(list(last.values()), _WITHIN_S)
    return time.perf_counter() - started


async def _embedded(running: Bench, texts: Sequence[str]) -> list[Any]:
    triton = running.settings.triton
    embedder = TritonEmbedder.of(triton, IndexSpec(), timeout_s=_WITHIN_S)
    left, vectors = iter(texts), []
    while some := list(islice(left, _PER_CALL)):
        vectors.extend(await embedder.embed(some))
    await embedder.close()
    return vectors


async def _all(ask: Any, count: int) -> list[list[Retrieved]]:
    """Every question's passages, several questions at a time."""
    ranked: list[list[Retrieved]] = [[] for _ in range(count)]
    left = iter(range(count))

    async def client() -> None:
        for number in left:
            ranked[number], _ = await ask(number)

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))
    return ranked


async def _spans(index: MilvusIndex, collection: Collection, at: int) -> list[list[Span]]:
    """Where the passages of each document stand, as the index has it."""
    found = []
    for document in corpus.documents(collection):
        row = (await index.documents([document.doc_id], at))[document.doc_id]
        found.append(sorted(row.layout.values()))
    return found


def _recall(
    questions: Sequence[Question],
    ranked: Sequence[Sequence[Retrieved]],
    spans: Sequence[Sequence[Span]],
    k: int,
) -> float:
    hits = 0
    for question, found in zip(questions, ranked, strict=True):
        holding = _holding(spans[question.document], question.answers)
        places = {(int(one.document.doc_id.rpartition("/")[2]), one.start) for one in found[:k]}
        hits += any((question.document, start) in places for start, _ in holding)
    return round(hits / len(questions), 4)


def _holding(spans: Sequence[Span], answers: Sequence[Span]) -> list[Span]:
    """The passages that hold one of the answers; where a cut goes through all, their pieces."""
    whole = [(s, e) for s, e in spans for first, last in answers if s <= first and last <= e]
    return whole or [(s, e) for s, e in spans for first, last in answers if first < e and s < last]


def _offline(name: str) -> dict[str, Any]:
    """The table's rows, as `retrieval_offline` measured them last."""
    if not _OFFLINE.exists():
        return {}
    rows: dict[str, Any] = json.loads(_OFFLINE.read_text())[name]["rows"]
    return rows


def _now() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main("found", measure))
