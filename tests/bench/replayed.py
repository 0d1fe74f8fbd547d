"""How many past retrievals a second replay makes, beside a bare search of the same vectors.

An index of 20,000 units is folded from its log; questions are asked of it at moments all over its
past, each from its words' weights to the passages read whole, as a replay does it. The floor is
numpy alone: one matrix product for 64 questions, and the best 200 of each by `argpartition`, with
no past, no reader's rights and no passages. Both on one core and on two: two processes, as Spark
has them, each with half of the questions and one thread of BLAS.

    python -m tests.bench.replayed --data DIR      (or FRESHET_DATA=DIR)
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from processors.index import Access
from processors.replay.batched import BatchedIndex
from processors.replay.past import Past
from processors.search import search
from processors.version import IndexSpec
from streams.replay.folds import read_past
from streams.replay.source import LogSource
from tests.bench import corpus
from tests.bench.questions import timeqa
from tests.bench.report import Line, Measured, Options, main
from tests.doubles.log import MemoryLog

UNITS = 20_000
QUESTIONS = 2_000
TOGETHER = 64
TARGET = 500
_BEGIN = 1_700_000_000_000_000
_FORK = get_context("fork")

Asked = tuple[str, NDArray[np.float32], int]
"""A question, its vector, and the index time that it is read at."""
Work = Callable[[Sequence[Asked]], None]


def measure(options: Options) -> Measured:
    """Fold, then search."""
    began = time.perf_counter()
    past, texts = asyncio.run(_past(options))
    folded_s = time.perf_counter() - began
    asked = _asked(texts, past)
    matrix = _unit_vectors(np.random.default_rng(5), UNITS)
    works: dict[str, Work] = {
        "replayed": lambda some: asyncio.run(_replay(past, some)),
        "bare": lambda some: _bare(matrix, some),
    }
    found = {
        name: {str(cores): _per_second(work, asked, cores, options.runs) for cores in (1, 2)}
        for name, work in works.items()
    }
    at_two = found["replayed"]["2"]
    lines = [
        Line(
            what=f"retrievals replayed over {UNITS} units, two cores",
            figure=f"{at_two:.0f} /s",
            target=f"at least {TARGET} /s",
            met=at_two >= TARGET,
        ),
        Line(what="one core", figure=f"{found['replayed']['1']:.0f} /s"),
        Line(what="bare search in numpy, two cores", figure=f"{found['bare']['2']:.0f} /s"),
        Line(what="one core", figure=f"{found['bare']['1']:.0f} /s"),
        Line(what="index folded from its log", figure=f"{folded_s:.1f} s"),
        Line(what="vectors in memory", figure=f"{past.index.nbytes / 2**20:.0f} MiB"),
    ]
    return lines, {"per_s": found, "units": UNITS, "questions": QUESTIONS, "folded_s": folded_s}


async def _past(options: Options) -> tuple[Past, list[str]]:
    """An index of real texts, whose documents came one after the other; and questions."""
    collection = timeqa(options.folder("retrieval"))
    log = MemoryLog(2)
    await corpus.fill(log, corpus.documents(collection), UNITS, _BEGIN)
    texts = [question.text for question in collection.questions]
    return await read_past(LogSource(log), IndexSpec()), texts


def _asked(texts: Sequence[str], past: Past) -> list[Asked]:
    """Questions read at any moment of the later half of the past."""
    drawn, moments = np.random.default_rng(3), random.Random(3)
    vectors = _unit_vectors(drawn, QUESTIONS)
    latest = max(past.known_to.values())
    middle = (_BEGIN + latest) // 2
    return [
        (texts[number % len(texts)], vector, moments.randint(middle, latest))
        for number, vector in enumerate(vectors)
    ]


def _unit_vectors(drawn: np.random.Generator, count: int) -> NDArray[np.float32]:
    rows = drawn.standard_normal((count, IndexSpec().dimensions)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


async def _replay(past: Past, asked: Sequence[Asked]) -> None:
    index, access = BatchedIndex(past.index), Access(tenant="acme")
    for start in range(0, len(asked), TOGETHER):
        searches = (
            search(
                index,
                past.spec,
                vector=vector,
                weights=past.statistics.weights(text, at, access),
                at=at,
                access=access,
                top_k=5,
            )
            for text, vector, at in asked[start : start + TOGETHER]
        )
        await asyncio.gather(*searches)


def _bare(matrix: NDArray[np.float32], asked: Sequence[Asked], best: int = 200) -> None:
    for start in range(0, len(asked), TOGETHER):
        vectors = np.stack([vector for _, vector, _ in asked[start : start + TOGETHER]])
        products = vectors @ matrix.T
        np.argpartition(products, -best, axis=1)


def _per_second(work: Work, asked: Sequence[Asked], cores: int, runs: int) -> float:
    """The median over some runs."""
    return round(median(_run(work, asked, cores) for _ in range(runs)), 1)


def _run(work: Work, asked: Sequence[Asked], cores: int) -> float:
    """Questions a second, by as many processes as cores. The parent's folds are theirs, too."""
    shares = [asked[core::cores] for core in range(cores)]
    ready = _FORK.Barrier(cores + 1)
    children = [_FORK.Process(target=_child, args=(work, share, ready)) for share in shares]
    for child in children:
        child.start()
    ready.wait()
    began = time.perf_counter()
    for child in children:
        child.join()
        assert child.exitcode == 0
    return len(asked) / (time.perf_counter() - began)


def _child(work: Work, asked: Sequence[Asked], ready: Any) -> None:
    with threadpool_limits(1):
        work(asked[:TOGETHER])  # what is made once is made before
        ready.wait()
        work(asked)


if __name__ == "__main__":
    sys.exit(main("replayed", measure, runs=3))
