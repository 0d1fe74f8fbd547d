"""Answers judged once more, by the live judge's worker over the log as it stood."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from processors.feedback.versions import Calibrations
from processors.judge.evaluate import Answered, Evaluator
from processors.judge.place import JUDGE, name_of, place_in
from processors.judge.recalibrate import recalibrated
from processors.judge.scores import Price
from processors.ports import Judge
from processors.replay.parity import Parity, compare_evaluations
from schemas.codec import InvalidEvent, decode, decode_as
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.evaluations import Evaluation
from schemas.responses import Response
from streams.clients.kafka import LogClient, Record
from streams.replay.passages import NamedPassages
from streams.replay.pastcontrol import Epochs, PastControl, control_records
from streams.replay.pastlog import PastLog
from streams.workers.judge import JudgeHandler

_TOPIC = "evaluations"
_GRACE_US = 2_000_000
"""For so long a change of `control` may be on its way to a judge."""
_BATCH = 64

Place = tuple[int, int]


class Judging(NamedTuple):
    """What the live judge is made of, beside the log."""

    judge: Judge
    prices: Mapping[str, Price]


class Delivered:
    """A response as the judge is given it. Implements `streams.workers.inbox.Message`."""

    def __init__(self, record: Record) -> None:
        self.partition = record.partition
        self.offset = record.offset
        self.key = record.key
        self.value = record.value
        self.headers = list(record.headers)
        self.logged_at = record.timestamp_ms * 1000

    def ack(self) -> None:
        """Nobody counts it."""


class Online(NamedTuple):
    """An evaluation of the live judge."""

    evaluation: Evaluation
    logged_at: int


class _Past(NamedTuple):
    """What every partition's comparison rests on."""

    log: LogClient
    judging: Judging
    control: Sequence[Record]
    epochs: Epochs
    passages: NamedPassages


async def compare_judging(
    log: LogClient, judging: Judging, parity: Parity, since: int, until: int
) -> None:
    """Compare the evaluations of all responses logged in [since, until) (µs)."""
    first = await log.since("responses", since // 1000)
    end = await log.since("responses", until // 1000)
    control = await control_records(log)
    passages = NamedPassages()
    async for record in log.read("responses", start=first):
        response = _decoded(record) if record.offset < end[record.partition] else None
        if isinstance(response, Response) and response.receipt is not None:
            passages.want(response.receipt)
    await passages.read(log)
    past = _Past(log, judging, control, Epochs(control), passages)
    for partition in sorted(first):
        responses = [
            record
            async for record in log.read("responses", start=first, partitions=[partition])
            if record.offset < end[partition]
        ]
        online = await _online(log, partition, since)
        done = max((offset for _, offset in online), default=-1)
        judged = [one for one in responses if one.offset <= done]
        parity.part(_TOPIC).waiting += len(responses) - len(judged)
        await _compare(past, parity, judged, online)


async def _compare(
    past: _Past, parity: Parity, judged: Sequence[Record], online: Mapping[Place, Online]
) -> None:
    replayed = await _replayed(past, judged, online)
    for record in judged:
        place = record.partition, record.offset
        there, again = online.get(place), replayed.get(place, [])
        if there is None and not again:
            continue  # it cannot be read, so nobody evaluates it
        if there is not None and again and _question_is_gone(there.evaluation, again):
            again = [await _asked_anew(past, record, there.evaluation)]
        said = None if there is None else there.evaluation
        compare_evaluations(parity, name_of(*place), said, again)


async def _replayed(
    past: _Past, judged: Sequence[Record], online: Mapping[Place, Online]
) -> dict[Place, list[Evaluation]]:
    """Evaluations by the place of their response: one for each state of `control` that it may have
    been judged by."""
    by_state: defaultdict[int, list[Record]] = defaultdict(list)
    for record in judged:
        there = online.get((record.partition, record.offset))
        for count in _states(past.epochs, record, there):
            by_state[count].append(record)
    found: defaultdict[Place, list[Evaluation]] = defaultdict(list)
    for count, records in by_state.items():
        for place, evaluation in await _judged(past, count, records):
            found[place].append(evaluation)
    return found


def _states(epochs: Epochs, record: Record, online: Online | None) -> list[int]:
    if online is None:
        at = record.timestamp_ms * 1000
        return epochs.between(at, at)
    began = online.evaluation.at - int(online.evaluation.duration_ms * 1000)
    return epochs.between(began - _GRACE_US, online.logged_at)


async def _judged(
    past: _Past, count: int, records: Sequence[Record]
) -> list[tuple[Place, Evaluation]]:
    """What the judge's worker writes of these responses, by so many records of `control`."""
    log = PastLog(past.log, [_TOPIC])
    control = PastControl(log, past.control)
    control.upto(count)
    handler = JudgeHandler(log, _evaluator(past, control), control, _no_clock)
    await handler.open()
    await handler.assign(frozenset(record.partition for record in records))
    for start in range(0, len(records), _BATCH):
        await handler.process([Delivered(one) for one in records[start : start + _BATCH]])
    await handler.close()
    return [
        (place, decode_as(Evaluation, record.value))
        for record in log.written
        if record.topic == _TOPIC and record.value is not None
        for place in [_place(record)]
        if place is not None
    ]


def _evaluator(past: _Past, control: PastControl) -> Evaluator:
    return Evaluator(
        indexes=past.passages.get,
        judge=past.judging.judge,
        clock=_no_clock,
        prices=past.judging.prices,
        recalibrate=partial(recalibrated, Calibrations(control.control)),
    )


def _question_is_gone(online: Evaluation, replayed: Sequence[Evaluation]) -> bool:
    """`queries.admitted` is kept for a shorter time than what is made of it."""
    return online.question is not None and all(one.question is None for one in replayed)


async def _asked_anew(past: _Past, record: Record, online: Evaluation) -> Evaluation:
    """With the question as the evaluation has it, and by the version that it names."""
    control = PastControl(past.log, past.control)
    states = past.epochs.between(online.at, online.at)
    control.upto(states[-1])
    response = decode_as(Response, record.value or b"")
    at = online.at if online.answered_at is None else online.answered_at
    answered = Answered(response=response, question=online.question, at=at)
    return await _evaluator(past, control).evaluate(answered)


async def _online(log: LogClient, partition: int, since: int) -> dict[Place, Online]:
    """The live judge's evaluations of a partition; an answer is never judged before it is given."""
    found: dict[Place, Online] = {}
    start = await log.since(_TOPIC, since // 1000)
    async for record in log.read(_TOPIC, start=start, partitions=[partition]):
        place = _place(record)
        event = _decoded(record)
        if place is not None and isinstance(event, Evaluation):
            found.setdefault(place, Online(event, record.timestamp_ms * 1000))
    return found


def _place(record: Record) -> Place | None:
    named = dict(record.headers)
    if named.get("ce_source") != JUDGE.encode():
        return None
    return place_in(named.get("ce_id", b"").decode(errors="replace"))


def _decoded(record: Record) -> object:
    try:
        return decode(record.topic, record.value or b"", Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None


def _no_clock() -> int:
    """When it is judged once more is nobody's concern."""
    return 0
