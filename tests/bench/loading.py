"""How fast documents flow in: all of the pipeline over the embedder alone, on the same texts.

The documents are the long descriptions of the packages installed here, as in the demo: real
Markdown and reStructuredText. The embedder alone is asked for exactly the texts that the pipeline
sends it, by the same client, in the same Triton, before and after the pipeline has run.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from itertools import islice
from statistics import median
from typing import Any

from processors.cut import cut_document
from processors.embedding import embed_key
from processors.version import IndexSpec
from schemas.documents import Document
from schemas.index import IndexChange
from streams.clients.kafka import Log
from streams.clients.triton import TritonEmbedder
from streams.sources import packages
from streams.sources.event import Common, DocumentEvent
from streams.writes import ShownFrom, Written, send_all
from tests.bench.logs import events
from tests.bench.report import Line, Measured, Options, main
from tests.bench.stack import INDEXING, Bench, bench, cpu_seconds, memory_mb

TARGET = 0.85
_PER_CALL = 256
"""As many texts as the indexer asks for at once."""
_WITHIN_S = 900.0


def measure(options: Options) -> Measured:
    """Each run on a stack of its own, since what is embedded once is not embedded again."""
    found = packages.read_all(packages.installed(), Common())
    documents = [event for event in found if isinstance(event, DocumentEvent)]
    runs = []
    for _ in range(options.runs):
        with bench() as running:
            running.work(INDEXING)
            runs.append(asyncio.run(_run(running, documents)))
    share = median(run["share"] for run in runs)
    lines = [
        Line(
            what="loading, share of the embedder's own rate",
            figure=f"{share:.0%}",
            target=f"at least {TARGET:.0%}",
            met=share >= TARGET,
        ),
        Line(what="words a second, whole pipeline", figure=_rate(runs, "words_per_s")),
        Line(what="words a second, embedder alone", figure=_rate(runs, "embedder_words_per_s")),
        Line(
            what="share by processor time, which other load does not move",
            figure=f"{median(run['processor_share'] for run in runs):.0%}",
        ),
        Line(what="documents", figure=str(len(documents))),
    ]
    return lines, {"share": round(share, 3), "runs": runs}


async def _run(running: Bench, documents: Sequence[DocumentEvent]) -> dict[str, Any]:
    settings = running.settings
    texts = _texts([event.document for event in documents if event.document is not None])
    words = sum(len(text.split()) for text in texts)
    before, model_cpu = await _alone(running, texts)
    cpu = cpu_seconds(running)
    async with Log(settings.kafka) as log:
        shown = await ShownFrom.at_now(log, settings.index_version)
        started = time.perf_counter()
        outcomes = [o async for o in send_all(log, documents, "freshet/bench", _now)]
        sent = time.perf_counter() - started
        last = {o.position.partition: o.position for o in outcomes if isinstance(o, Written)}
        await shown.wait(list(last.values()), _WITHIN_S)
        took = time.perf_counter() - started
        changes = [e async for e in events(log) if isinstance(e, IndexChange)]
        embedded = sum(change.units_embedded for change in changes)
    memory = memory_mb(running)
    used = {name: round(now - cpu[name], 1) for name, now in cpu_seconds(running).items()}
    after, _ = await _alone(running, texts)
    alone = (before + after) / 2
    return {
        "share": round(alone / took, 3),
        "texts": len(texts),
        "texts_embedded": embedded,
        "words": words,
        "pipeline_s": round(took, 2),
        "of_which_sending_s": round(sent, 2),
        "embedder_alone_s": [round(before, 2), round(after, 2)],
        "words_per_s": round(words / took),
        "embedder_words_per_s": round(words / alone),
        "changes": len(changes),
        "processor_share": round(model_cpu / sum(used.values()), 3),
        "embedder_alone_cpu_s": round(model_cpu, 1),
        "cpu_s": used,
        "memory_mb": memory,
    }


def _texts(documents: Sequence[Document]) -> list[str]:
    """Every text that the pipeline will embed, once, in its order."""
    spec = IndexSpec()
    units = (unit for document in documents for unit in cut_document(document, spec).units)
    by_key = {embed_key(unit.embed_text, spec.embedder): unit.embed_text for unit in units}
    return list(by_key.values())


async def _alone(running: Bench, texts: Sequence[str]) -> tuple[float, float]:
    """Seconds, and seconds of Triton's processor time."""
    triton = running.settings.triton
    embedder = TritonEmbedder.of(triton, IndexSpec(), timeout_s=_WITHIN_S)
    await embedder.embed(texts[:64])
    cpu = cpu_seconds(running)["triton"]
    started = time.perf_counter()
    left = iter(texts)
    while some := list(islice(left, _PER_CALL)):
        await embedder.embed(some)
    took = time.perf_counter() - started
    await embedder.close()
    return took, cpu_seconds(running)["triton"] - cpu


def _rate(runs: Sequence[dict[str, Any]], name: str) -> str:
    return f"{median(run[name] for run in runs):,.0f}"


def _now() -> int:
    return time.time_ns() // 1000


if __name__ == "__main__":
    sys.exit(main("loading", measure))
