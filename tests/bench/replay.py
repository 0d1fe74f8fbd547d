"""How many questions a second a whole run retrieves for: through Spark, on one core and on two.

An index of 20,000 units and questions over it, as a log has them. What is timed is the job: from
files of questions, vectors and changes to files of outcomes. Rates are those of more questions
against fewer, so that what every run pays once (Spark's start, the index read into memory) is told
apart. The floor is the same tasks one after the other in one process, without Spark.

    python -m tests.bench.replay --data DIR      (or FRESHET_DATA=DIR)
"""

import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from processors.replay.variant import LIVE, Variant
from schemas.codec import encode
from schemas.queries import Query
from streams.config import Settings
from streams.replay.job import compute, pending
from streams.replay.prepare import prepare
from streams.replay.runplan import RunPlan
from streams.replay.task import Worker
from tests.bench import corpus
from tests.bench.questions import timeqa
from tests.bench.report import Line, Measured, Options, main, spread
from tests.doubles.log import MemoryLog
from tests.doubles.replaying import EVER, DoubleModels, Replaying, request_for

UNITS = 20_000
FEW, MANY = 2_000, 10_000
TARGET, SCALING = 500, 1.7
_BEGIN = 1_700_000_000_000_000


def measure(options: Options) -> Measured:
    """Prepare two runs, then do each anew by one core, by two, and without Spark."""
    with TemporaryDirectory() as folder:
        runs = {
            count: asyncio.run(_prepared(options, count, Path(folder))) for count in (FEW, MANY)
        }
        alone = {count: asyncio.run(_alone(*runs[count])) for count in runs}
        spark = {
            cores: [
                {count: _timed(*runs[count], cores) for count in runs} for _ in range(options.runs)
            ]
            for cores in (1, 2)
        }
    per_s = {cores: spread([_rate(times) for times in found], 0) for cores, found in spark.items()}
    one, two = per_s[1], per_s[2]
    scaling = two["p50"] / one["p50"]
    whole_s = median(times[FEW] for times in spark[2])
    lines = [
        Line(
            what=f"questions retrieved for in a run over {UNITS} units, two cores",
            figure=f"{two['p50']:.0f} /s",
            target=f"at least {TARGET} /s",
            met=two["p50"] >= TARGET,
        ),
        Line(
            what=f"slowest and fastest of {two['n']} runs",
            figure=f"{two['min']:.0f}, {two['max']:.0f} /s",
        ),
        Line(what="one core", figure=f"{one['p50']:.0f} /s"),
        Line(
            what=f"slowest and fastest of {one['n']} runs",
            figure=f"{one['min']:.0f}, {one['max']:.0f} /s",
        ),
        Line(
            what="two cores to one",
            figure=f"{scaling:.2f}",
            target=f"at least {SCALING}",
            met=scaling >= SCALING,
        ),
        Line(what="the same tasks without Spark, one core", figure=f"{_rate(alone):.0f} /s"),
        Line(what=f"a whole job of {FEW} questions, two cores", figure=f"{whole_s:.1f} s"),
    ]
    seconds = {
        "spark": {str(cores): list(map(_named, found)) for cores, found in spark.items()},
        "alone": _named(alone),
    }
    return lines, {
        "per_s": {str(cores): found for cores, found in per_s.items()},
        "seconds": seconds,
        "units": UNITS,
    }


async def _prepared(options: Options, count: int, folder: Path) -> tuple[Path, RunPlan]:
    """A run of so many questions, as far as its tasks."""
    now = iter(range(_BEGIN, _BEGIN + 10**12, 1000)).__next__
    log, collection = MemoryLog(clock=now), timeqa(options.folder("retrieval"))
    await corpus.fill(log, corpus.documents(collection), UNITS, _BEGIN)
    texts = [question.text for question in collection.questions]
    for number in range(count):
        text = texts[number % len(texts)]
        query = Query(query_id=f"q{number}", text=text, tenant="bench")
        log.append("queries", query.tenant, encode(query))
    run = folder / str(count)
    request = request_for([Variant(name=LIVE)], answers=False, judge=False)
    replaying = Replaying(log, Settings(state_dir=folder / "state"), folder)
    return run, await prepare(replaying.means(), request, EVER, run)


async def _alone(run: Path, plan: RunPlan) -> float:
    """Seconds without Spark."""
    began = time.perf_counter()
    worker = Worker(run, plan, DoubleModels())
    for task in pending(run, plan):
        await worker.replay(*task)
    return time.perf_counter() - began


def _timed(run: Path, plan: RunPlan, cores: int) -> float:
    """Seconds of the job, Spark's start included."""
    for part in (run / "outcomes").rglob("part-*"):
        part.unlink()
    began = time.perf_counter()
    settings = Settings(state_dir=run.parent / "state")
    compute(settings, run, plan, f"local[{cores}]", lambda _done, _total: None)
    return time.perf_counter() - began


def _rate(seconds: dict[int, float]) -> float:
    return (MANY - FEW) / (seconds[MANY] - seconds[FEW])


def _named(seconds: dict[int, float]) -> dict[str, Any]:
    return {str(count): round(taken, 2) for count, taken in seconds.items()}


if __name__ == "__main__":
    sys.exit(main("replay", measure, runs=3))
