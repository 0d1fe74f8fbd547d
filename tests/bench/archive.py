"""How fast the log goes into the archive, beside the bare read of the same records by Spark.

Responses as the answerer writes them, in four partitions of a real broker. The bare read takes key,
value and headers out of Kafka and drops them; the archive checks each record against its schema
and commits it to Delta. Spark is started before, and has run one small round of both. Each run has
topics and tables of its own; another process fills the topics, so that the driver's memory is the
archive's alone.

    python -m tests.bench.archive
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil
from msgspec.structs import replace

from schemas.codec import encode
from schemas.envelope import headers
from schemas.examples import EXAMPLES
from schemas.responses import Response
from schemas.topics import type_of
from streams.archive.kafka import LogBounds, source_options
from streams.archive.layout import Layout
from streams.archive.progress import Teller
from streams.archive.run import OPTIONS, Job, plan
from streams.clients.kafka import ensure_topics
from streams.config import Kafka, Settings
from streams.spark.session import session
from tests.bench.report import Line, Measured, Options, main, spread
from tests.doubles.stack import TestStack

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WARM, SIZES = 20_000, (100_000, 1_000_000)
TOPIC = "responses"
LEAST = 20_000.0
FLAT = 1.15
"""A cost for each event, or a memory, that has grown by no more is flat."""
NOW = 1_790_000_000_000_000

Round = Mapping[str, Any]


def measure(options: Options) -> Measured:
    """Each size, as often as there are runs."""
    with tempfile.TemporaryDirectory() as folder:
        stack = TestStack(Path(folder), only=("kafka",))
        stack.start()
        try:
            with session(stack.settings, "bench", options=OPTIONS) as spark:
                _round(stack.settings, spark, WARM, 0)
                rounds = [
                    _round(stack.settings, spark, size, run)
                    for run in range(options.runs)
                    for size in SIZES
                ]
        finally:
            stack.stop()
    by_size = [[each for each in rounds if each["events"] == size] for size in SIZES]
    return _lines(*by_size), {"rounds": rounds}


def _round(settings: Settings, spark: "SparkSession", size: int, run: int) -> Round:
    kafka = settings.kafka.model_copy(update={"prefix": f"of{size}.{run}."})
    own = settings.model_copy(update={"kafka": kafka})
    event_bytes = _filled(kafka, size)
    bare_s = _timed(lambda: _bare_read(spark, kafka))
    archive_s = _timed(lambda: _archive(own, spark, size, run))
    return {
        "events": size,
        "event_bytes": event_bytes,
        "bare_s": round(bare_s, 2),
        "archive_s": round(archive_s, 2),
        "bare_per_s": round(size / bare_s),
        "archive_per_s": round(size / archive_s),
        "driver_python_mb": round(psutil.Process().memory_info().rss / 1e6),
        "jvm_live_heap_mb": _live_heap_mb(spark),
    }


def _filled(kafka: Kafka, size: int) -> int:
    """Let another process put events in; gives the bytes of one."""
    spawn = get_context("spawn")
    told = spawn.Queue()
    filling = spawn.Process(target=_fill, args=(kafka.bootstrap, kafka.prefix, size, told))
    filling.start()
    event_bytes: int = told.get(timeout=600)
    filling.join()
    return event_bytes


def _fill(bootstrap: str, prefix: str, size: int, told: Any) -> None:
    import asyncio

    from confluent_kafka import Producer

    asyncio.run(ensure_topics(Kafka(bootstrap=bootstrap, prefix=prefix), 86_400_000))
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50})
    example = EXAMPLES[Response]
    sent = 0
    for number in range(size):
        event = replace(example, query_id=f"q{number}")
        value = encode(event)
        sent += len(value)
        envelope = headers(type_of(event), source="/freshet/answerer/0", time=NOW + number)
        while True:
            try:
                producer.produce(prefix + TOPIC, value, f"q{number}", headers=envelope)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    told.put(sent // size)


def _bare_read(spark: "SparkSession", kafka: Kafka) -> None:
    options = {**source_options(kafka), "subscribe": kafka.prefix + TOPIC}
    found = spark.read.format("kafka").options(**options).load()
    found.select("key", "value", "headers").write.format("noop").mode("overwrite").save()


def _archive(settings: Settings, spark: "SparkSession", size: int, run: int) -> None:
    layout = Layout(settings.state_dir / f"archive{size}-{run}")
    bounds = LogBounds(settings.kafka)
    with Teller() as teller:
        job = Job(settings, layout, plan(settings, layout, bounds, [TOPIC]), bounds, spark, teller)
        job.to_the_end([TOPIC])
    done = job.done()[TOPIC]
    if done != size:
        raise RuntimeError(f"{done} events archived, of {size}")


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _live_heap_mb(spark: "SparkSession") -> int:
    """What is still reachable: a full collection first."""
    jvm: Any = spark._jvm
    jvm.java.lang.System.gc()
    runtime = jvm.java.lang.Runtime.getRuntime()
    return round((runtime.totalMemory() - runtime.freeMemory()) / 1e6)


def _lines(small: Sequence[Round], large: Sequence[Round]) -> list[Line]:
    rate = spread([each["archive_per_s"] for each in large], 0)
    bare = median(each["bare_per_s"] for each in large)
    growth = _cost(large) / _cost(small)
    memory = [max(map(_memory, rounds)) for rounds in (small, large)]
    return [
        Line(
            what=f"archived, of {large[0]['events']:,} events of {large[0]['event_bytes']} bytes",
            figure=f"{rate['p50']:,.0f} events/s",
            target="≥ 20,000/s on two cores",
            met=rate["p50"] >= LEAST,
        ),
        Line(
            what=f"slowest and fastest of {rate['n']} runs",
            figure=f"{rate['min']:,.0f}, {rate['max']:,.0f} events/s",
        ),
        Line(what="bare read of the same, by Spark", figure=f"{bare:,.0f} events/s"),
        Line(what="archived beside that", figure=f"{rate['p50'] / bare:.0%}"),
        Line(
            what="cost of an event among 10⁶ beside one among 10⁵",
            figure=f"{growth:.2f}×",
            target=f"≤ {FLAT}×",
            met=growth <= FLAT,
        ),
        Line(
            what="memory of the driver after 10⁶ beside after 10⁵, largest",
            figure=f"{memory[1]} MB, {memory[0]} MB",
            target=f"≤ {FLAT}×",
            met=memory[1] <= FLAT * memory[0],
        ),
    ]


def _cost(rounds: Sequence[Round]) -> float:
    return median(each["archive_s"] / each["events"] for each in rounds)


def _memory(one: Round) -> int:
    """Of the driver's Python, and what is still reachable in its JVM."""
    found: int = one["driver_python_mb"] + one["jvm_live_heap_mb"]
    return found


if __name__ == "__main__":
    sys.exit(main("archive", measure, runs=3))
