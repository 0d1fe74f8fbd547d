"""How fast the log goes into the archive, beside the bare read of the same records by Spark.

Responses as the answerer writes them, in four partitions of a real broker. The bare read takes key,
value and headers out of Kafka and drops them; the archive checks each record against its schema
and commits it to Delta. Spark is started before, and has run one small round of both.

    python -m tests.bench.archive
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from confluent_kafka import Producer
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
from tests.bench.report import Line, Measured, Options, main
from tests.doubles.stack import TestStack

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WARM, SIZES = 20_000, (100_000, 1_000_000)
TOPIC = "responses"
LEAST = 20_000.0
FLAT = 1.15
"""A cost for each event, or a memory, that has grown by no more is flat."""
NOW = 1_790_000_000_000_000


def measure(_: Options) -> Measured:
    """Each size in topics of its own."""
    with tempfile.TemporaryDirectory() as folder:
        stack = TestStack(Path(folder), only=("kafka",))
        stack.start()
        try:
            with session(stack.settings, "bench", options=OPTIONS) as spark:
                rounds = [_round(stack.settings, spark, size) for size in (WARM, *SIZES)]
        finally:
            stack.stop()
    return _lines(rounds[1:]), {"rounds": rounds[1:]}


def _round(settings: Settings, spark: "SparkSession", size: int) -> dict[str, Any]:
    kafka = settings.kafka.model_copy(update={"prefix": f"of{size}."})
    own = settings.model_copy(update={"kafka": kafka})
    event_bytes = _fill(kafka, size)
    bare_s = _timed(lambda: _bare_read(spark, kafka))
    archive_s = _timed(lambda: _archive(own, spark, size))
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


def _fill(kafka: Kafka, size: int) -> int:
    """Put events in; gives the bytes of one."""
    import asyncio

    asyncio.run(ensure_topics(kafka, 86_400_000))
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 50})
    example = EXAMPLES[Response]
    sent = 0
    for number in range(size):
        event = replace(example, query_id=f"q{number}")
        value = encode(event)
        sent += len(value)
        envelope = headers(type_of(event), source="/freshet/answerer/0", time=NOW + number)
        while True:
            try:
                producer.produce(kafka.prefix + TOPIC, value, f"q{number}", headers=envelope)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    return sent // size


def _bare_read(spark: "SparkSession", kafka: Kafka) -> None:
    options = {**source_options(kafka), "subscribe": kafka.prefix + TOPIC}
    found = spark.read.format("kafka").options(**options).load()
    found.select("key", "value", "headers").write.format("noop").mode("overwrite").save()


def _archive(settings: Settings, spark: "SparkSession", size: int) -> None:
    layout = Layout(settings.state_dir / f"archive{size}")
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


def _lines(rounds: list[Mapping[str, Any]]) -> list[Line]:
    small, large = rounds
    rate = large["archive_per_s"]
    growth = (large["archive_s"] / large["events"]) / (small["archive_s"] / small["events"])
    memory = [each["driver_python_mb"] + each["jvm_live_heap_mb"] for each in rounds]
    return [
        Line(
            what=f"archived, of {large['events']:,} events of {large['event_bytes']} bytes",
            figure=f"{rate:,} events/s",
            target="≥ 20,000/s on two cores",
            met=rate >= LEAST,
        ),
        Line(what="bare read of the same, by Spark", figure=f"{large['bare_per_s']:,} events/s"),
        Line(
            what="cost of an event among 10⁶ beside one among 10⁵",
            figure=f"{growth:.2f}×",
            target=f"≤ {FLAT}×",
            met=growth <= FLAT,
        ),
        Line(
            what="memory of the driver after 10⁶ beside after 10⁵",
            figure=f"{memory[1]} MB, {memory[0]} MB",
            target=f"≤ {FLAT}×",
            met=memory[1] <= FLAT * memory[0],
        ),
    ]


if __name__ == "__main__":
    sys.exit(main("archive", measure))
