"""An answerer by script: it follows `queries` and answers as a test tells it to."""

import asyncio
from collections.abc import Awaitable, Callable

from schemas.codec import decode, encode
from schemas.envelope import Envelope, headers
from schemas.queries import Cancellation, Query
from schemas.responses import Citation, Receipt, Response, ResponseDelta, Usage
from schemas.topics import type_of
from tests.doubles.log import MemoryLog

ANSWER = "Pools close idle connections after five seconds. [1]"

RECEIPT = Receipt(
    index_version="v1",
    as_of=1_760_000_000_000_000,
    applied={"documents/0": 7},
    staleness_ms=12.5,
    prompt="answer@1",
    model="reader@1",
    embedder="minilm-l6@1",
    route="default",
    lexical={"pool": 2.5},
    passages=["p-1@1760000000000000"],
)

Script = Callable[["ScriptedAnswerer", Query], Awaitable[None]]


class ScriptedAnswerer:
    """Use it as an async context manager. `asked` and `cancelled` are what reached the log."""

    def __init__(self, log: MemoryLog, script: Script | None = None) -> None:
        """Without a script each question gets `ANSWER`, word by word."""
        self.log = log
        self.script: Script = script or answer_word_by_word
        self.asked: list[Query] = []
        self.cancelled: list[Cancellation] = []
        self.envelopes: list[Envelope | None] = []
        self.was_asked = asyncio.Event()
        self.was_cancelled = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "ScriptedAnswerer":
        self._spawn(self._follow())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def piece(self, query: Query, index: int, text: str, attempt: str = "a") -> None:
        """Send a piece of an answer."""
        delta = ResponseDelta(query_id=query.query_id, attempt=attempt, index=index, text=text)
        self._append("response.deltas", query.query_id, delta)

    def respond(self, query: Query, **changes: object) -> Response:
        """Send the response: `ANSWER`, or what `changes` make of it."""
        response = response_to(query, **changes)
        self._append("responses", query.query_id, response)
        return response

    def _append(self, topic: str, key: str, event: ResponseDelta | Response) -> None:
        name = headers(type_of(event), source="/test", time=1)
        self.log.append(topic, key, encode(event), name)

    async def _follow(self) -> None:
        async for record in self.log.follow(["queries"], start="beginning"):
            envelope = Envelope.from_headers(record.headers)
            event = decode("queries", record.value, envelope)
            if isinstance(event, Query):
                self.asked.append(event)
                self.envelopes.append(envelope)
                self.was_asked.set()
                self._spawn(self.script(self, event))
            elif isinstance(event, Cancellation):
                self.cancelled.append(event)
                self.was_cancelled.set()

    def _spawn(self, work: Awaitable[None]) -> None:
        self._tasks.add(asyncio.ensure_future(work))


async def answer_word_by_word(answerer: ScriptedAnswerer, query: Query) -> None:
    """Pieces that make up `ANSWER`, then the response."""
    for index, word in enumerate(ANSWER.split(" ")):
        answerer.piece(query, index, word if index == 0 else f" {word}")
        await asyncio.sleep(0)
    answerer.respond(query)


async def never_answer(answerer: ScriptedAnswerer, query: Query) -> None:
    """Nothing, for as long as anybody waits."""


def response_to(query: Query, **changes: object) -> Response:
    """A response with one citation and a receipt."""
    fields: dict[str, object] = {
        "query_id": query.query_id,
        "tenant": query.tenant,
        "status": "answered",
        "answer": ANSWER,
        "citations": [
            Citation(
                doc_id="pools.md",
                passage_id="p-1",
                start=9,
                end=20,
                quote="Pools close",
                score=0.75,
                marker=1,
            )
        ],
        "usage": Usage(input_tokens=210, output_tokens=14),
        "receipt": RECEIPT,
        "timings_ms": {"search": 4.25},
    }
    return Response(**(fields | changes))  # type: ignore[arg-type]
