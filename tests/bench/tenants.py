"""What it costs to keep tenants apart.

Weights of a question's words, over statistics that are kept apart by `acl`: beside the same
passages in one heap, how long one question takes, how long a change takes to fold, and how much
memory it takes. And the door: how many requests with a key it lets in, and how many strangers the
gateway turns away, from connection to refusal, on one core with its clients.

    python -m tests.bench.tenants
"""

import asyncio
import gc
import random
import sys
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import uvicorn
from starlette.requests import Request

from processors.index import Access
from processors.lexical import TermStatistics
from processors.statistics import Statistics
from schemas.index import IndexChange, PassageGained, Source
from streams.gateway.protocol import Bounded
from tests.bench.report import Line, Measured, Options, main, spread
from tests.doubles.front import Front, running

PASSAGES = 20_000
TERMS = 60
VOCABULARY = 40_000
TENANTS = (1, 100, 1000)
QUESTIONS = 300
STRANGERS = 4_000
AT_ONCE = 16
LET_IN = 20_000

MOST_US, STRANGER = 1000.0, b"GET /v1/models HTTP/1.1\r\nhost: g\r\nauthorization: Bearer x\r\n\r\n"


def measure(_: Options) -> Measured:
    """All of it."""
    door = asyncio.run(_door())
    apart = {str(tenants): _weighed(tenants) for tenants in TENANTS}
    together = _together()
    worst = max(one["question_us"]["p99"] for one in apart.values())
    lines = [
        Line(
            what=f"a question's weights, {PASSAGES} passages of up to {TENANTS[-1]} tenants, p99",
            figure=f"{worst:.0f} us",
            target=f"at most {MOST_US:.0f} us",
            met=worst <= MOST_US,
        ),
        Line(what="in one heap, p99", figure=f"{together['question_us']['p99']:.0f} us"),
        Line(what="memory for a passage, in one heap", figure=_bytes(together)),
        *(
            Line(what=f"memory for a passage, {tenants} tenants", figure=_bytes(one))
            for tenants, one in apart.items()
        ),
        Line(what="requests let in at the door", figure=f"{door['let_in_per_s']:.0f} /s"),
        Line(what="strangers turned away", figure=f"{door['strangers_per_s']:.0f} /s"),
        Line(
            what=f"memory that {STRANGERS} strangers leave behind",
            figure=f"{door['left_behind_kb']} kB",
            target="at most 4096 kB",
            met=door["left_behind_kb"] <= 4096,
        ),
    ]
    return lines, {"apart": apart, "together": together, "door": door}


def _bytes(found: dict[str, Any]) -> str:
    return f"{found['bytes_a_passage']} bytes"


def _changes(tenants: int) -> list[IndexChange]:
    """A document of one passage each, its words as unevenly spread as words are."""
    chance = random.Random(7)
    found = []
    for number in range(PASSAGES):
        words = {f"w{int(VOCABULARY ** chance.random())}": 1 for _ in range(TERMS)}
        passage = PassageGained(passage_id="p", heading=[], text="", terms=words, units=[])
        found.append(
            IndexChange(
                doc_id=f"d{number}",
                index_version="v1",
                index_time=number + 1,
                source=Source(partition=0, offset=number),
                status="indexed",
                acl=[f"t{number % tenants}"],
                passages_gained=[passage],
                df=dict.fromkeys(words, 1),
                passages_delta=1,
            )
        )
    return found


def _weighed(tenants: int) -> dict[str, Any]:
    changes, statistics = _changes(tenants), Statistics()

    def fold() -> None:
        for change in changes:
            statistics.observe([change])

    figures = _folded(fold)
    times = []
    for number, question in enumerate(_questions()):
        access = Access(tenant=f"t{number % tenants}", groups=["group:a", "group:b"])
        began = time.perf_counter()
        statistics.weights(question, PASSAGES, access)
        times.append((time.perf_counter() - began) * 1e6)
    return {**figures, "question_us": spread(times)}


def _together() -> dict[str, Any]:
    changes, statistics = _changes(1), TermStatistics()

    def fold() -> None:
        for change in changes:
            statistics.apply(change.index_time, change.df, change.passages_delta)

    figures = _folded(fold)
    times = []
    for question in _questions():
        began = time.perf_counter()
        statistics.weights(question, PASSAGES)
        times.append((time.perf_counter() - began) * 1e6)
    return {**figures, "question_us": spread(times)}


def _folded(fold: Any) -> dict[str, Any]:
    """Time and memory of a fold; the memory's own measurement slows it down, so it runs alone."""
    gc.collect()
    tracemalloc.start()
    began = time.perf_counter()
    fold()
    took = time.perf_counter() - began
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "bytes_a_passage": round(taken / PASSAGES),
        "traced_fold_us_a_change": round(took / PASSAGES * 1e6, 1),
    }


def _questions() -> list[str]:
    chance = random.Random(9)
    return [
        " ".join(f"w{int(VOCABULARY ** chance.random())}" for _ in range(12))
        for _ in range(QUESTIONS)
    ]


async def _door() -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        async with running(Path(folder)) as front:
            return {"let_in_per_s": _let_in(front), **await _strangers(front)}


def _let_in(front: Front) -> float:
    key = front.client.headers["authorization"].encode()
    scope = {"type": "http", "headers": [(b"authorization", key)]}
    began = time.perf_counter()
    for _ in range(LET_IN):
        with front.gateway.door.enter(Request(scope), "ask"):
            pass
    return round(LET_IN / (time.perf_counter() - began))


async def _strangers(front: Front) -> dict[str, Any]:
    config = uvicorn.Config(
        front.app, port=0, http=Bounded, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await asyncio.sleep(0.5)
    port = server.servers[0].sockets[0].getsockname()[1]
    await _crowd(port, STRANGERS // 4)
    before = _taken_kb()
    began = time.perf_counter()
    await _crowd(port, STRANGERS)
    took = time.perf_counter() - began
    server.should_exit = True
    await serving
    return {
        "strangers_per_s": round(STRANGERS / took),
        "left_behind_kb": _taken_kb() - before,
    }


async def _crowd(port: int, count: int) -> None:
    async def one() -> None:
        for _ in range(count // AT_ONCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(STRANGER)
            assert (await reader.readline()).startswith(b"HTTP/1.1 401")
            writer.close()

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))


def _taken_kb() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss // 1024)


if __name__ == "__main__":
    sys.exit(main("tenants", measure))
