"""A log in which answers were given and judged, and people have spoken of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from msgspec import Struct

from schemas.codec import encode
from schemas.envelope import headers
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback
from schemas.queries import Query
from schemas.responses import Receipt, Response, Usage
from schemas.topics import type_of
from tests.doubles.log import MemoryLog

GIVEN = 1_760_000_000_000_000
"""When the first answer was given; one a second from then on."""
JUDGE = "words@1"

_SECOND = 1_000_000


class CommandLog(MemoryLog):
    """What a command gets for the `Log` that it makes: `async with` and all."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def empty_log() -> CommandLog:
    """With a broker's clock that stands late in the day."""
    return CommandLog(clock=lambda: GIVEN + 100_000 * _SECOND)


def write(log: MemoryLog, topic: str, key: str, event: Struct, at: int = GIVEN) -> None:
    """One event, in an envelope."""
    log.append(topic, key, encode(event), headers(type_of(event), source="test", time=at))


def answered(log: MemoryLog, number: int, probability: float, judge: str = JUDGE) -> str:
    """A question, its answer and its evaluation; gives its id."""
    query_id, at = f"q-{number}", GIVEN + number * _SECOND
    query = Query(query_id=query_id, text=f"Question {number}?", tenant="default")
    write(log, "queries", query.tenant, query, at)
    write(log, "responses", query_id, _response(query_id), at)
    label = "grounded" if probability >= 0.5 else "ungrounded"
    evaluation = Evaluation(
        query_id=query_id,
        tenant="default",
        judge=judge,
        at=at + 1,
        answered_at=at,
        scores=[Score(name="groundedness", score=probability, label=label)],
        labels={"route": "default"},
    )
    write(log, "evaluations", query_id, evaluation, at)
    return query_id


def spoken(log: MemoryLog, query_id: str, rating: Any, **more: Any) -> None:
    """Somebody says what they think of an answer."""
    given = Feedback(query_id=query_id, tenant="default", rating=rating, **more)
    write(log, "feedback", query_id, given, GIVEN + _SECOND)


def overconfident(log: MemoryLog, count: int, seed: int = 1) -> None:
    """Answers whose judge is too sure of itself, each with a thumb."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        meant = float(draw.beta(1.5, 1.5))
        said = 1 / (1 + ((1 - meant) / meant) ** 3)
        query_id = answered(log, number, round(said, 4))
        spoken(log, query_id, 1 if draw.random() < meant else -1)


@contextmanager
def unwatched(_label: str, _total: int) -> Iterator[Callable[[], None]]:
    """Progress that nobody sees."""
    yield lambda: None


def _response(query_id: str) -> Response:
    return Response(
        query_id=query_id,
        tenant="default",
        status="answered",
        answer=f"Answer of {query_id}.",
        citations=[],
        usage=Usage(),
        receipt=Receipt(
            index_version="v1",
            as_of=1,
            applied={},
            staleness_ms=1.0,
            prompt="answer@1",
            model="reader@1",
            embedder="minilm@1",
            route="default",
            lexical={},
            passages=["p-1@1"],
        ),
        timings_ms={},
    )
