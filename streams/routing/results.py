"""What a route's branches came to, read from the log."""

from typing import NamedTuple

from processors.compare.gather import Gathering
from processors.compare.results import LEVEL, Results, results
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.queries import Query
from schemas.responses import Response
from streams.clients.kafka import LogClient
from streams.labels import Spans, Watch, events, said, spans


class Wanted(NamedTuple):
    """A route by its name, its branches in their order, and when its questions were asked: from
    `since` on, in microseconds by the broker's clock."""

    route: str
    branches: list[str]
    since: int
    level: float = LEVEL


async def read(log: LogClient, wanted: Wanted, watch: Watch) -> Results:
    """The results as the log has them now.

    A question asked before `since` does not count, though it was answered later: it was planned
    when something else was in force.
    """
    gathering = Gathering(wanted.route)
    within = await _since(log, "responses", wanted.since)
    async for _, _, response in events(log, "responses", Response, within, watch):
        gathering.response(response)
    within = await _since(log, "queries", wanted.since)
    async for _, _, query in events(log, "queries", Query, within, watch):
        gathering.query(query)
    within = await _since(log, "evaluations", wanted.since)
    async for _, _, evaluation in events(log, "evaluations", Evaluation, within, watch):
        gathering.evaluation(evaluation)
    within = await _since(log, "feedback", wanted.since)
    async for record, envelope, feedback in events(log, "feedback", Feedback, within, watch):
        event_id, at = said(record, envelope)
        gathering.feedback(feedback, event_id=event_id, at=at)
    return results(wanted.route, wanted.branches, gathering.answers(), wanted.level)


async def _since(log: LogClient, topic: str, since: int) -> Spans:
    """What a topic holds from a moment on."""
    held = await spans(log, topic)
    first = await log.since(topic, since // 1000)
    return {at: (max(begin, first[at]), end) for at, (begin, end) in held.items()}
