"""What people and judges have said, read from the log.

Events that cannot be read are left out: their dead letters tell of them.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeVar

from msgspec import Struct

from processors.feedback.agreement import Agreement
from processors.feedback.calibrate import Labelled
from processors.feedback.cases import MemoryStore
from processors.feedback.join import FeedbackJoin, Joined, JoinSpec, Pair, pair_of
from processors.judge.evaluate import UNJUDGED
from processors.routes import is_of
from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.times import InvalidTime, parse_time
from streams.clients.kafka import LogClient, Record
from streams.errors import FreshetError

Watch = Callable[[str, int], AbstractContextManager[Callable[[], None]]]
"""Shows progress: a label and how many there will be to a function that counts one."""
Spans = Mapping[int, tuple[int, int]]
"""Partition to the first offset and the one after the last."""

_Event = TypeVar("_Event", bound=Struct)


class Chosen(NamedTuple):
    """What is learned from: the judge's name, its labelled answers, and how many were left out
    because what the model itself said of them is not known."""

    judge: str
    labelled: list[Labelled]
    left_out: int


async def spans(log: LogClient, topic: str) -> dict[int, tuple[int, int]]:
    """What a topic holds now."""
    ends = await log.ends(topic)
    return {at: (first, ends[at]) for at, first in (await log.starts(topic)).items()}


async def events(
    log: LogClient, topic: str, kind: type[_Event], within: Spans, watch: Watch
) -> AsyncIterator[tuple[Record, Envelope | None, _Event]]:
    """The events of one type in a topic, partition by partition."""
    start = {partition: first for partition, (first, _) in within.items()}
    with watch(topic, sum(end - first for first, end in within.values())) as count:
        async for record in log.read(topic, start=start):
            if record.offset >= within[record.partition][1]:
                continue
            count()
            try:
                envelope = Envelope.from_headers(record.headers)
                event = decode(topic, record.value, envelope)
            except (InvalidEvent, InvalidEnvelope):
                continue
            if isinstance(event, kind):
                yield record, envelope, event


def said(record: Record, envelope: Envelope | None) -> tuple[str, int]:
    """The id and the time of a feedback event, as the join takes them.

    A plain message has no id of its own: its place in the log is one.
    """
    logged = record.timestamp_ms * 1000
    if envelope is None:
        return f"{record.topic}/{record.partition}@{record.offset}", logged
    return envelope.dedupe_key, logged if envelope.time is None else min(envelope.time, logged)


async def pairs(log: LogClient, watch: Watch) -> list[Pair]:
    """What judge and people say of each answer that both have spoken of."""
    store = MemoryStore()
    join = FeedbackJoin(JoinSpec(), store)
    within = {topic: await spans(log, topic) for topic in ("feedback", "evaluations")}
    async for record, envelope, feedback in events(
        log, "feedback", Feedback, within["feedback"], watch
    ):
        event_id, at = said(record, envelope)
        join.feedback(feedback, event_id=event_id, at=at)
    async for _, _, evaluation in events(
        log, "evaluations", Evaluation, within["evaluations"], watch
    ):
        if store.get(evaluation.query_id) is not None:
            join.evaluation(evaluation)
    return [pair for case in store.all() if (pair := pair_of(case)) is not None]


def since(found: list[Pair], moment: int | None) -> list[Pair]:
    """Those of answers given from then on."""
    return found if moment is None else [pair for pair in found if pair.answered_at >= moment]


def agreement(found: list[Pair]) -> Agreement:
    """Of all these."""
    agreed = Agreement()
    for pair in found:
        agreed.add(Joined("", None, pair))
    return agreed


def chosen(found: list[Pair], judge: str | None, routes: list[str] | None) -> Chosen:
    """The labelled answers of one judge.

    Raises:
        FreshetError: it is not told which judge, and there is none, or more than one.
    """
    mine: dict[str, list[Pair]] = {}
    for pair in found:
        is_wanted = routes is None or any(is_of(pair.route, route) for route in routes)
        if pair.judge != UNJUDGED and is_wanted:
            mine.setdefault(pair.judge.rpartition("@")[0], []).append(pair)
    if judge is None and len(mine) > 1:
        raise FreshetError(f"people have labelled answers of {', '.join(mine)}: name one, --judge")
    if not mine or (judge is not None and judge not in mine):
        of = "any judge's" if judge is None else f"{judge!r}'s"
        raise FreshetError(f"nobody has labelled {of} answers; see `freshet feedback give`")
    name = next(iter(mine)) if judge is None else judge
    known = [Labelled(one.raw, one.people) for one in mine[name] if one.raw is not None]
    return Chosen(name, known, len(mine[name]) - len(known))


def moment(option: str, text: str | None) -> int | None:
    """Microseconds since the epoch, from RFC 3339 or just those."""
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    try:
        return parse_time(text)
    except InvalidTime as error:
        raise FreshetError(f"{option}: {error}") from None
