"""`freshet archive`: every topic into its table, to the end of the log or for ever."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streams import lineage
from streams.archive import lock
from streams.archive.checkpoint import Checkpoint, Offsets
from streams.archive.kafka import LogBounds, source_options
from streams.archive.layout import Layout, archivable
from streams.archive.progress import Teller
from streams.archive.write import Sink, Source, check_log
from streams.config import Settings
from streams.spark.session import explained, session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

AT_ONCE = 3
"""Topics that are archived beside each other until the log's end: most are small, and each costs
the driver some seconds."""
POLL_S = 0.2
OPTIONS = {
    # A batch of some days writes their files side by side, and need not sort its rows first.
    "spark.sql.maxConcurrentOutputFileWriters": "16",
}


class Plan(NamedTuple):
    """What there is to do."""

    starts: Mapping[str, Offsets]
    """The first offset that the log holds, by topic and partition."""
    ends: Mapping[str, Offsets]
    positions: Mapping[str, Offsets]
    """Where the archive goes on."""

    def waiting(self, topic: str) -> int:
        """How many offsets are not archived yet."""
        return sum(
            max(0, end - max(self.positions[topic].get(each, 0), self.starts[topic].get(each, 0)))
            for each, end in self.ends[topic].items()
        )

    def spans(self, topic: str) -> dict[str, list[int]]:
        """The first and the last offset that is to be archived, by partition that has any."""
        starts, positions = self.starts[topic], self.positions[topic]
        firsts = {each: max(starts[each], positions.get(each, 0)) for each in starts}
        ends = self.ends[topic].items()
        return {str(each): [firsts[each], end - 1] for each, end in ends if end > firsts[each]}

    def is_behind(self, topic: str) -> bool:
        """Whether the log has gone on since."""
        begins = {**self.starts[topic], **self.positions[topic]}
        return any(end > begins.get(each, 0) for each, end in self.ends[topic].items())


def archive(
    settings: Settings,
    layout: Layout,
    topics: Sequence[str] = (),
    *,
    master: str | None = None,
    follow_every_s: float | None = None,
) -> dict[str, int]:
    """Archive all there is, or until interrupted; gives how many offsets it went on, by topic.

    Raises:
        ArchiveInUse: another process writes there.
        NotThisLog: the archive is of another log.
        NoBroker, SetupError, SparkFault: and what they say.
    """
    lock.check(layout.lock)
    bounds = LogBounds(settings.kafka)
    names = archivable(bounds.topics(), settings.kafka.prefix, list(topics))
    todo = plan(settings, layout, bounds, names)
    due = [name for name in names if follow_every_s is not None or todo.is_behind(name)]
    with Teller() as teller:
        if not due:
            teller.say(f"nothing new in {len(names)} topics")
            return {}
        teller.say(f"starting Spark for {len(due)} topics of {len(names)}")
        with (
            lineage.told(_lineage(settings, layout, todo, due), settings.state_dir),
            session(settings, "freshet archive", master=master, options=OPTIONS) as spark,
        ):
            job = Job(settings, layout, todo, bounds, spark, teller)
            with lock.held(spark, layout.lock), explained():
                if follow_every_s is None:
                    job.to_the_end(due)
                else:
                    job.follow(due, follow_every_s, may_grow=not topics)
        return job.done()


def plan(settings: Settings, layout: Layout, bounds: LogBounds, topics: Sequence[str]) -> Plan:
    """How the log stands, and the archive beside it. Raises NotThisLog, NoBroker, MissingTopic."""
    found = bounds.bounds(topics)
    positions = {}
    for topic in topics:
        name = settings.kafka.prefix + topic
        archived = Checkpoint(layout.checkpoint(topic), name).positions()
        check_log(topic, archived, found[topic][1])
        positions[topic] = archived or {}
    starts = {topic: each[0] for topic, each in found.items()}
    return Plan(starts, {topic: each[1] for topic, each in found.items()}, positions)


def _lineage(settings: Settings, layout: Layout, todo: Plan, topics: Sequence[str]) -> lineage.Job:
    """From where each topic goes on to where the log ends now; followed, it goes further."""
    inputs, outputs = [], []
    for topic in topics:
        kafka, spans = settings.kafka, lineage.offsets(todo.spans(topic))
        inputs.append(lineage.topic(kafka.bootstrap, kafka.prefix + topic, spans))
        outputs.append(lineage.folder(Path(layout.table(topic))))
    return lineage.Job("archive", inputs, outputs)


class Job:
    """The queries of one run."""

    def __init__(
        self,
        settings: Settings,
        layout: Layout,
        plan: Plan,
        bounds: LogBounds,
        spark: "SparkSession",
        teller: Teller,
    ) -> None:
        self._settings = settings
        self._layout = layout
        self._plan = plan
        self._bounds = bounds
        self._spark = spark
        self._teller = teller
        self._sinks: dict[str, Sink] = {}
        self._running: dict[str, StreamingQuery] = {}

    def to_the_end(self, topics: Sequence[str]) -> None:
        """As the log stood when each topic was begun, the topics with the most to do first."""
        left = sorted(topics, key=self._plan.waiting)
        total = {topic: self._plan.waiting(topic) for topic in topics}
        with self._stopping():
            while left or self._running:
                while left and len(self._running) < AT_ONCE:
                    self._begin(left.pop(), {"availableNow": True})
                self._teller.at(self.done(), total)
                time.sleep(POLL_S)
                self._look()

    def follow(self, topics: Sequence[str], every_s: float, *, may_grow: bool) -> None:
        """Until Ctrl-C; where it `may_grow`, index versions that are made meanwhile as well."""
        self._teller.say(f"following {len(topics)} topics; Ctrl-C ends it")
        trigger: Mapping[str, bool | str] = {"processingTime": f"{every_s:g} seconds"}
        looked_at = time.monotonic()
        with suppress(KeyboardInterrupt), self._stopping():
            for topic in topics:
                self._begin(topic, trigger)
            while True:
                self._teller.at(self.done())
                time.sleep(POLL_S)
                self._look()
                if may_grow and time.monotonic() - looked_at > every_s:
                    looked_at = time.monotonic()
                    for topic in self._new_topics():
                        self._begin(topic, trigger)

    def _new_topics(self) -> list[str]:
        names = archivable(self._bounds.topics(), self._settings.kafka.prefix, [])
        new = [name for name in names if name not in self._sinks]
        found = plan(self._settings, self._layout, self._bounds, new)
        self._plan = Plan(
            *({**old, **more} for old, more in zip(self._plan, found, strict=True)),
        )
        return new

    def done(self) -> dict[str, int]:
        """How many offsets each topic went on."""
        return {topic: self._went_on(topic) for topic in self._sinks}

    def _went_on(self, topic: str) -> int:
        now = self._sinks[topic].checkpoint.positions() or {}
        before, starts = self._plan.positions[topic], self._plan.starts[topic]
        began = {each: max(before.get(each, 0), starts.get(each, 0)) for each in now}
        return sum(max(0, end - began[each]) for each, end in now.items())

    def _begin(self, topic: str, trigger: Mapping[str, bool | str]) -> None:
        kafka, batch = self._settings.kafka, self._settings.archive.batch_records
        source = Source(topic, kafka.prefix + topic, source_options(kafka), self._bounds, batch)
        sink = Sink(self._spark, self._layout, source, self._teller.lost)
        self._sinks[topic] = sink
        self._running[topic] = sink.start(self._plan.starts[topic], trigger)

    def _look(self) -> None:
        """Forget what has ended. Raises what a query ended by."""
        for topic, query in list(self._running.items()):
            if not query.isActive:
                del self._running[topic]
                if (error := query.exception()) is not None:
                    raise error

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Whatever happens, no query is left behind."""
        try:
            yield
        finally:
            for query in self._running.values():
                query.stop()
