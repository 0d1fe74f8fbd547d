"""The monitor: `evaluations`, `feedback` and `index.changes` in; `drift` and `alerts` out.

One process sees all partitions: a mix of questions, or a share of bad answers, is of the whole
traffic. It belongs to no consumer group. Where it has read to is in its view, with all that it
has made of it, so after a crash nothing is counted twice; and each event that it sends has an id
that follows from what it says, so nothing is told twice.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence

from msgspec import MsgspecError
from msgspec.structs import replace

from processors.alerts.rules import Rule
from processors.feedback.agreement import Agreement
from processors.feedback.join import FeedbackJoin, JoinSpec, Step
from processors.judge.place import place_in
from processors.monitor.monitor import Monitor, MonitorSpec
from processors.monitor.observations import (
    ANSWERS,
    DOCUMENTS,
    FEEDBACK,
    Observation,
    of_change,
    of_evaluation,
    of_feedback,
)
from processors.monitor.places import Reading
from processors.ports import Embedder
from schemas.control import IndexVersion
from schemas.envelope import Envelope
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.index import IndexChange
from schemas.topics import changes_topic
from streams.clients.kafka import LogClient, Record
from streams.labels import said
from streams.views.monitorstore import MonitorStore, Place
from streams.workers import freshness, measures
from streams.workers.arrivals import Arrivals, Arrived
from streams.workers.monitored import Shown
from streams.workers.outbox import Outbox, outgoing
from streams.workers.shell import Clock

log = logging.getLogger(__name__)

At = tuple[str, int]

_PATIENCE = 600 * 1_000_000
"""For so long, in event time, the answers of other partitions wait for those that no judge has come
to: one that cannot be judged has no evaluation, and must not hold them up for good."""


class MonitorWorker:
    """Takes batches; `streams.workers.single` runs it."""

    def __init__(
        self,
        log_client: LogClient,
        store: MonitorStore,
        embedder: Embedder,
        spec: MonitorSpec,
        join: JoinSpec,
        rules: Sequence[Rule],
        clock: Clock,
        horizon_ms: int,
        version: IndexVersion,
    ) -> None:
        """`version` is the index version whose documents are watched."""
        changes = changes_topic(version.name)
        self._sources = {"evaluations": ANSWERS, changes: DOCUMENTS, "feedback": FEEDBACK}
        """What is read, and which windows it goes into."""
        # What a version gained while it was built is no news of the documents.
        self._since = {changes: version.complete_from or 0}
        self._log = log_client
        self._store = store
        self._arrivals = Arrivals(log_client, embedder, clock)
        self._outbox = Outbox(log_client, store, clock)
        self._clock = clock
        self._horizon_ms = horizon_ms
        self._lateness = spec.lateness
        try:
            self._monitor = Monitor(spec, rules, store.kept(), store.streams())
            self._agreement = Agreement(store.agreement())
        except MsgspecError as error:
            log.warning(
                "what was kept is of another make, and is read from the log anew: %s", error
            )
            store.clear()
            self._monitor, self._agreement = Monitor(spec, rules), Agreement()
        self._join = FeedbackJoin(join, store)
        self._places: dict[At, Place] = store.places()
        self._evaluated = store.evaluated()
        """Partition of `responses` to the last offset of which an evaluation was read."""
        self._reading: dict[At, Reading] = {}
        self._judged_at: dict[int, int] = {}
        """Partition to when last all of its responses had been evaluated."""
        self._ends: dict[At, int] = {}
        """Where the log ended when it was last asked."""
        self._shown = Shown(self._monitor, self._agreement)

    async def open(self) -> dict[str, dict[int, int]]:
        """Send what a crash left unsent; gives where to read from, by topic and partition."""
        await self._outbox.open()
        start: dict[str, dict[int, int]] = {}
        for topic in self._sources:
            oldest = max(
                self._clock() // 1000 - self._horizon_ms, self._since.get(topic, 0) // 1000
            )
            since = await self._log.since(topic, oldest)
            for partition, first in since.items():
                known = self._places.get((topic, partition))
                offset = first if known is None else known.again
                start.setdefault(topic, {})[partition] = offset
                self._reading[topic, partition] = Reading(offset)
        await self._ask_ends()
        self._shown.update(self._clock())
        return start

    async def close(self) -> None:
        """Let go of the view."""
        self._store.close()

    async def process(self, batch: Sequence[Record]) -> None:
        """Take a batch, whole. What it shows is told when `look_round` closes windows."""
        arrived = await self._arrivals.read(batch, self._is_new)
        with measures.stage("monitor", "take"):
            await asyncio.to_thread(self._fold, arrived)
        measures.outcomes("monitor", {"taken": len(batch)})

    async def look_round(self) -> int:
        """Close the windows that are complete, and tell what they show; how many events wait.

        Only here, where it is known how far the log goes: a partition that is behind holds time
        back. Where nothing waits time passes by itself, and alerts fall silent.
        """
        now = self._clock()
        await self._ask_ends()
        waiting = sum(map(self._behind, self._ends))
        unjudged = await self._unjudged(now)
        passing: list[str] = []
        if waiting == 0:
            passing = [one for one in self._sources.values() if one != ANSWERS or not unjudged]
        with measures.stage("monitor", "close"):
            await asyncio.to_thread(self._close, now, passing, unjudged)
        await self._outbox.send()
        self._shown.update(self._clock())
        return waiting

    @property
    def closed_before(self) -> int:
        """Everything of earlier event times, of whatever source, has been looked at."""
        return min(map(self._monitor.closed_before, self._sources.values()))

    async def _ask_ends(self) -> None:
        for topic in self._sources:
            ends = await self._log.ends(topic)
            self._ends |= {(topic, partition): end for partition, end in ends.items()}

    def _behind(self, at: At) -> int:
        """How many events of a partition are in the log and not read."""
        return max(0, self._ends.get(at, 0) - self._reading[at].next)

    async def _unjudged(self, now: int) -> set[int]:
        """Partitions with responses that have no evaluation yet; of the others, what is still to
        come is no older than now."""
        ends = await self._log.ends("responses")
        next_ = {at: self._evaluated.get(at, -1) + 1 for at in ends}
        if any(next_[at] == 0 < end for at, end in ends.items()):
            # Where no evaluation is known, retention may have taken all that there was.
            starts = await self._log.starts("responses")
            next_ = {at: max(starts[at], offset) for at, offset in next_.items()}
        unjudged = {at for at, end in ends.items() if next_[at] < end}
        self._judged_at |= dict.fromkeys(ends.keys() - unjudged, now)
        return unjudged

    def _is_new(self, record: Record) -> bool:
        """Whether it was never taken; else it is read again for its window alone."""
        place = self._places.get((record.topic, record.partition))
        return place is None or record.offset >= place.next

    def _fold(self, arrived: Sequence[Arrived]) -> None:
        """All of a batch's effects, in one transaction."""
        with self._store.transaction():
            for one in arrived:
                self._take(one)
            self._keep_places()

    def _close(self, now: int, passing: Sequence[str], unjudged: Collection[int]) -> None:
        """All that closing windows shows, in one transaction."""
        with self._store.transaction():
            for source in passing:
                self._monitor.advance(source, now)
            if passing:
                self._heard(None, self._join.advance(now))
            told = self._monitor.close(self._held_back(unjudged))
            self._keep_places()
            self._store.put_kept(self._monitor.saved())
            self._store.put_streams(self._monitor.changed())
            self._store.post(outgoing(one) for one in told)

    def _keep_places(self) -> None:
        for at, reading in self._reading.items():
            closed = self._monitor.closed_before(self._sources[at[0]])
            place = self._places.get(at, Place(reading.next, reading.next))
            self._places[at] = Place(place.next, reading.again(closed))
        self._store.put_places(self._places)
        self._store.put_evaluated(self._evaluated)
        self._store.put_agreement(self._agreement.snapshot())

    def _held_back(self, unjudged: Collection[int]) -> dict[str, int]:
        """Source to the event time beyond which a partition that is behind may still have more.

        A judge takes one partition's backlog before another's: what it has not come to is still to
        come, though everything that it has written is read.
        """
        upto: dict[str, int] = {}
        for (topic, partition), reading in self._reading.items():
            source = self._sources[topic]
            if self._behind((topic, partition)):
                upto[source] = min(upto.get(source, reading.newest), reading.newest)
            elif source == ANSWERS and partition in unjudged:
                known = max(reading.newest, self._judged_at.get(partition, 0))
                known = max(known, self._newest(source) - _PATIENCE)
                upto[source] = min(upto.get(source, known), known)
        return upto

    def _newest(self, source: str) -> int:
        mine = (one for (topic, _), one in self._reading.items() if self._sources[topic] == source)
        return max(one.newest for one in mine)

    def _take(self, one: Arrived) -> None:
        record = one.record
        at = record.topic, record.partition
        observation = self._observation(one)
        reading = self._reading[at]
        if observation is not None:
            # By the broker's clock, not ours: it must be the same whenever the event is read.
            logged_at = record.timestamp_ms * 1000
            observation = self._in_time(observation, logged_at)
            if self._monitor.take(observation, logged_at) == "taken":
                reading.took(record.offset, observation.at)
        reading.next = record.offset + 1
        if self._is_new(record):
            self._places[at] = Place(reading.next, reading.next)

    def _in_time(self, one: Observation, logged_at: int) -> Observation:
        """What time passes by itself for counts no earlier than windows can have been left open
        for it. Answers are judged late, and time waits for them."""
        if one.source == ANSWERS:
            return one
        return replace(one, at=max(one.at, logged_at - self._lateness))

    def _observation(self, one: Arrived) -> Observation | None:
        match one.event:
            case Evaluation() as evaluation:
                self._note_response(one.envelope)
                if evaluation.shadow_of is not None:
                    return None  # what nobody has seen is no service that anybody had
                if self._is_new(one.record):
                    self._heard(None, self._join.evaluation(evaluation))
                return of_evaluation(evaluation, one.vector)
            case Feedback() as feedback:
                return self._feedback(feedback, one)
            case IndexChange() as change:
                return of_change(change, freshness.logged_at(one.record.headers))
            case _:
                return None

    def _feedback(self, feedback: Feedback, one: Arrived) -> Observation:
        event_id, at = said(one.record, one.envelope)
        if self._is_new(one.record):
            step = self._join.feedback(feedback, event_id=event_id, at=at)
            self._heard(feedback.rating, step)
        return of_feedback(feedback, event_id, at)

    def _heard(self, rating: int | None, step: Step) -> None:
        for joined in step.joined:
            self._agreement.add(joined)
        for outcome in step.outcomes:
            measures.feedback(rating, outcome)

    def _note_response(self, envelope: Envelope | None) -> None:
        place = place_in(envelope.id) if envelope is not None else None
        if place is not None:
            partition, offset = place
            self._evaluated[partition] = max(self._evaluated.get(partition, -1), offset)
