"""`freshet replay parity`: the live workers run over the log once more, and what they tell compared
with what they told."""

import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from msgspec import Struct

from processors.replay.parity import Parity, compare_told
from processors.replay.parity_quotas import WHAT as QUOTAS
from processors.replay.parity_quotas import QuotaParity
from schemas.codec import InvalidEvent, decode, decode_as
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.monitoring import Alert, Drift
from schemas.queries import AdmittedQuery
from schemas.responses import Response
from streams.clients.kafka import LogClient, MissingTopic, Record
from streams.replay.parity_evaluations import Judging, compare_judging
from streams.replay.parity_retrieval import Retrieving, compare_retrieval
from streams.replay.pastlog import PastLog
from streams.views.ledger import PARTITION, TOPIC, read
from streams.views.monitorstore import MonitorStore
from streams.workers.monitor import MonitorWorker
from streams.workers.outbox import SOURCE

_BATCH = 256
_LOOK_ROUND = 8
"""Batches after which windows are closed: what is open is in memory."""
_TOLD: dict[str, type[Drift | Alert]] = {"drift": Drift, "alerts": Alert}
_SETTLES_US = 30_000_000
"""Beside a window and its lateness: for so long the live monitor may take to tell something."""

Say = Callable[[str], None]
_Event = TypeVar("_Event", bound=Struct)


class Range(NamedTuple):
    """Microseconds: what was logged, or happened, in [since, until)."""

    since: int
    until: int


class Live(NamedTuple):
    """The monitor of the live configuration, made over whatever log it is given."""

    monitor: Callable[[LogClient, MonitorStore], MonitorWorker]
    behind_us: int
    """A window and its lateness: time that the monitor waits before it tells anything."""


async def parity(
    log: LogClient,
    judging: Judging,
    retrieving: Retrieving,
    live: Live,
    within: Range,
    *,
    now: int,
    say: Say,
) -> Parity:
    """Compare all that is told online with the replay, event by event."""
    found = Parity()
    say("searching the index as it was")
    await compare_retrieval(retrieving, found, within.since, within.until)
    say("judging the answers once more")
    await compare_judging(log, judging, found, within.since, within.until)
    say("reading what the monitor reads, from the beginning of the log")
    await compare_monitor(log, live, found, within, now)
    say("reading the token ledger")
    await compare_quotas(log, found, within)
    return found


async def compare_monitor(
    log: LogClient, live: Live, parity: Parity, within: Range, now: int
) -> None:
    """Drift events and alerts. The monitor begins from nothing, at the beginning of the log."""
    online = {topic: await _told(log, topic, within) for topic in _TOLD}
    past = PastLog(log, _TOLD)
    with tempfile.TemporaryDirectory(prefix="freshet-parity-") as folder:
        closed = await _watched(past, live.monitor(past, MonitorStore(Path(folder))))
    settled = min(closed, now - live.behind_us - _SETTLES_US)
    for topic, kind in _TOLD.items():
        replayed = {
            name: event
            for record in past.written
            if record.topic == topic and record.value is not None
            for name, event in [(_name_of(record), decode_as(kind, record.value))]
            if within.since <= event.at < within.until
        }
        compare_told(parity, topic, online[topic], replayed, settled=settled)


async def _watched(past: PastLog, worker: MonitorWorker) -> int:
    """Let a monitor read everything, and close all windows that time has passed; gives the event
    time before which they are closed."""
    try:
        await past.ends("responses")  # what is answered from now on waits for no judge
        start = await worker.open()
        for topic, offsets in start.items():
            number = 0
            async for batch in _batches(past.read(topic, start=offsets)):
                await worker.process(batch)
                number += 1
                if number % _LOOK_ROUND == 0:
                    await worker.look_round()
        await worker.look_round()
        return worker.closed_before
    finally:
        await worker.close()


async def _batches(records: AsyncIterator[Record]) -> AsyncIterator[Sequence[Record]]:
    batch: list[Record] = []
    async for record in records:
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _told(log: LogClient, topic: str, within: Range) -> dict[str, list[Drift | Alert]]:
    """What the live monitor told, by its id, as often as it did."""
    found: defaultdict[str, list[Drift | Alert]] = defaultdict(list)
    async for record in log.read(topic):
        event = _decoded(record, _TOLD[topic])
        ours = dict(record.headers).get("ce_source") == SOURCE.encode()
        if ours and event is not None and within.since <= event.at < within.until:
            found[_name_of(record)].append(event)
    return found


async def compare_quotas(log: LogClient, parity: Parity, within: Range) -> None:
    """Grants and charges. Where the ledger's beginning is gone nobody can tell what was granted."""
    quotas = QuotaParity(within.since, within.until)
    starts = await log.starts(TOPIC)
    if starts.get(PARTITION, 0) > 0:
        parity.part(QUOTAS).unknown += 1
        return
    with suppress(MissingTopic):
        async for record in log.read("queries.admitted"):
            if (admitted := _decoded(record, AdmittedQuery)) is not None:
                tokens = admitted.reservation.tokens
                quotas.add_admitted(admitted.query.query_id, tokens, record.timestamp_ms * 1000)
    async for record in log.read("responses"):
        if (response := _decoded(record, Response)) is not None:
            quotas.add_response(response, record.timestamp_ms * 1000)
    async for record in log.read(TOPIC, partitions=[PARTITION]):
        if (event := read(record)) is not None:
            quotas.add(event, record.timestamp_ms * 1000)
    quotas.compare(parity)


def _decoded(record: Record, kind: type[_Event]) -> _Event | None:
    try:
        found = decode(record.topic, record.value or b"", Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None
    return found if isinstance(found, kind) else None


def _name_of(record: Record) -> str:
    return dict(record.headers).get("ce_id", b"").decode(errors="replace")
