"""Past answers with the questions that they answer, as a source has them."""

from collections.abc import Collection, Iterable

from msgspec import Struct

from schemas.codec import InvalidEvent, decode
from schemas.envelope import Envelope, InvalidEnvelope
from schemas.queries import AdmittedQuery, Query
from schemas.responses import Response
from streams.clients.kafka import Record, partition_of
from streams.errors import FreshetError
from streams.replay.source import Source

_WAITED_MS = 10 * 60 * 1000
"""Longer than a question may wait for its answer, but where workers were down."""
_APART_MS = 60 * 1000
"""What the clocks of two brokers may be apart, and more."""


class NoAnswer(FreshetError):
    """There is no response of that id."""


class Answered(Struct, frozen=True, kw_only=True):
    """A final response, and what is left of its question."""

    response: Response
    at_ms: int
    """When it came into the log."""
    admitted: AdmittedQuery | None = None
    """None where `queries.admitted` no longer has it."""
    query: Query | None = None
    """As it was asked; looked for only where `admitted` is gone. None where that is gone too."""


async def answer_of(source: Source, query_id: str) -> Answered:
    """The first response to a question; a shadow's question is `QUERY_ID~BRANCH`.

    Raises:
        NoAnswer: there is none.
    """
    partitions = await source.spans("responses")
    likely = partition_of(query_id.encode(), len(partitions))
    for some in ([likely], [each for each in partitions if each != likely]):
        async for record in source.read("responses", partitions=some):
            if record.key == query_id.encode():
                response = _event(record)
                if isinstance(response, Response):
                    found = Answered(response=response, at_ms=record.timestamp_ms)
                    return (await _with_questions(source, [found], [record.partition]))[0]
    raise NoAnswer(
        f"the {source.name} has no response to {query_id}: its id is what `freshet ask --json` "
        "prints, and responses older than `limits.horizon_ms` are gone"
    )


async def answers_between(source: Source, since_ms: int, until_ms: int) -> list[Answered]:
    """The first response to each question that came into the log within [since_ms, until_ms)."""
    found: dict[str, Answered] = {}
    async for record in source.read("responses", since_ms=since_ms, until_ms=until_ms):
        response = _event(record)
        if isinstance(response, Response):
            one = Answered(response=response, at_ms=record.timestamp_ms)
            found.setdefault(response.query_id, one)
    return await _with_questions(source, list(found.values()), None)


async def _with_questions(
    source: Source, answers: list[Answered], partitions: Iterable[int] | None
) -> list[Answered]:
    """The answers with their questions, those that are gone from `queries.admitted` as asked."""
    wanted = [one for one in answers if one.response.receipt is not None]
    if not wanted:
        return answers
    times = [one.at_ms for one in wanted]
    bounds = max(0, min(times) - _WAITED_MS), max(times) + _APART_MS
    ids = {one.response.query_id for one in wanted}
    admitted = await _admitted(source, ids, bounds, partitions)
    missing = {_asked_as(one) for one in wanted if one.response.query_id not in admitted}
    asked = await _asked(source, missing, bounds)
    return [
        Answered(
            response=one.response,
            at_ms=one.at_ms,
            admitted=admitted.get(one.response.query_id),
            query=asked.get(_asked_as(one)),
        )
        for one in answers
    ]


async def _admitted(
    source: Source,
    ids: Collection[str],
    bounds: tuple[int, int],
    partitions: Iterable[int] | None,
) -> dict[str, AdmittedQuery]:
    """The first of each id: the answerer answers no other."""
    found: dict[str, AdmittedQuery] = {}
    since, until = bounds
    records = source.read("queries.admitted", since_ms=since, until_ms=until, partitions=partitions)
    async for record in records:
        event = _event(record)
        if isinstance(event, AdmittedQuery) and event.query.query_id in ids:
            found.setdefault(event.query.query_id, event)
    return found


async def _asked(
    source: Source, wanted: Collection[tuple[str, str]], bounds: tuple[int, int]
) -> dict[tuple[str, str], Query]:
    """Questions by tenant and id: near their answers, else anywhere."""
    found: dict[tuple[str, str], Query] = {}
    for since in (bounds[0], None):
        if len(found) == len(wanted):
            break
        async for record in source.read("queries", since_ms=since, until_ms=bounds[1]):
            event = _event(record)
            if isinstance(event, Query) and (key := (event.tenant, event.query_id)) in wanted:
                found.setdefault(key, event)
    return found


def _asked_as(one: Answered) -> tuple[str, str]:
    """Whose question it was, under which id: a shadow answers the one that it is a shadow of."""
    return one.response.tenant, one.response.shadow_of or one.response.query_id


def _event(record: Record) -> object:
    """None for what cannot be read: its worker has put it aside."""
    try:
        return decode(record.topic, record.value or b"", Envelope.from_headers(record.headers))
    except (InvalidEvent, InvalidEnvelope):
        return None
