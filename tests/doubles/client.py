"""A user of a running stack: writes, asks, waits and verifies, through the log as anybody would."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar
from uuid import uuid4

import msgspec

from processors.readtime import Progress
from processors.verify.report import Report
from processors.version import IndexSpec
from schemas.codec import decode_as, encode
from schemas.deadletters import DeadLetter
from schemas.documents import Document
from schemas.envelope import headers
from schemas.index import IndexChange, IndexEvent, IndexProgress
from schemas.queries import Query, WriteReceipt
from schemas.responses import Response
from schemas.topics import TOPICS, type_of
from streams.clients.kafka import Headers, Log, Position
from streams.clients.milvus import MilvusIndex
from streams.config import Settings
from streams.verify import Answers, rows_of, verify

SOURCE = "/tests/client"
LONG_S = 120.0
POLL_S = 0.05

_T = TypeVar("_T")


class Client:
    """Use it as an async context manager. Every wait is bounded, and fails by AssertionError."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.log = Log(settings.kafka)
        self.spec = IndexSpec(name=settings.index_version)
        self.progress = Progress(self.spec.name, settings.kafka.partitions)
        self.responses: defaultdict[str, list[Response]] = defaultdict(list)
        """Final responses by question: one each, if all is well."""
        self.dead: dict[Position, DeadLetter] = {}
        """Dead letters by their origin."""
        self.dead_places: dict[Position, str] = {}
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.log.start()
        topics = ("responses", "dead-letters", "index.progress")
        start = {topic: await self.log.ends(topic) for topic in topics}
        start["index.progress"] = {}
        self._following = asyncio.create_task(self._follow(start), name="test client")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self.log.stop()

    async def put(self, doc_id: str, text: str, **fields: Any) -> Position:
        """Write a document's text; Markdown unless `content_type` says otherwise."""
        event = Document(doc_id=doc_id, text=text, **{"content_type": "text/markdown", **fields})
        name = headers(type_of(event), source=SOURCE, time=_now_us())
        return await self.log.send("documents", doc_id, encode(event), name)

    async def delete(self, doc_id: str) -> Position:
        """Delete a document."""
        name = headers(TOPICS["documents"].tombstone or "", source=SOURCE, time=_now_us())
        return await self.log.send("documents", doc_id, None, name)

    async def raw(
        self, topic: str, key: str | None, value: bytes | None, names: Headers = ()
    ) -> Position:
        """Produce bytes as they are."""
        return await self.log.send(topic, key, value, names)

    async def shown(self, *writes: Position, within_s: float = LONG_S) -> int:
        """Wait until every read sees these writes; gives an index time at which they are seen."""
        last = {write.partition: write.offset for write in sorted(writes)}
        times: dict[int, int] = {}

        def seen() -> int | None:
            for partition, offset in last.items():
                if (found := self.progress.shown_at(partition, offset)) is not None:
                    times.setdefault(partition, found)
            latest = self.progress.read_time()
            ready = len(times) == len(last) and latest is not None
            return latest if ready and latest >= max(times.values()) else None

        return await self.until(seen, f"{writes[-1]} to show", within_s)

    async def put_shown(self, doc_id: str, text: str, **fields: Any) -> int:
        """Write a document and wait until it is seen; gives the index time."""
        return await self.shown(await self.put(doc_id, text, **fields))

    async def send_query(self, text: str, *, tenant: str, **fields: Any) -> str:
        """Ask without waiting; gives the query's id."""
        query = Query(query_id=str(uuid4()), text=text, tenant=tenant, **fields)
        name = headers(type_of(query), source=SOURCE, time=_now_us())
        await self.log.send("queries", tenant, encode(query), name)
        return query.query_id

    async def response(self, query_id: str, within_s: float = LONG_S) -> Response:
        """Wait for the response to a question."""
        await self.until(lambda: query_id in self.responses, f"response to {query_id}", within_s)
        return self.responses[query_id][0]

    async def ask(self, text: str, *, tenant: str, **fields: Any) -> Response:
        """Ask and wait for the response."""
        return await self.response(await self.send_query(text, tenant=tenant, **fields))

    async def dead_letter(self, origin: Position, within_s: float = LONG_S) -> DeadLetter:
        """Wait for the dead letter of a record."""
        return await self.until(lambda: self.dead.get(origin), f"dead letter of {origin}", within_s)

    async def changes(self, doc_id: str) -> list[IndexChange]:
        """Every change of a document, in order."""
        found = []
        async for record in self.log.read("index.changes"):
            event = _event(record.value or b"")
            if isinstance(event, IndexChange) and event.doc_id == doc_id:
                found.append(event)
        return found

    async def verify(self, as_of: int | None = None) -> Report:
        """What `freshet verify` counts."""
        async with self.index() as index:
            return await verify(
                self.log,
                rows_of(index),
                self.spec,
                as_of=as_of,
                horizon=0,
                now=_now_us(),
                say=lambda _: None,
                answers=Answers(
                    await self.log.committed("freshet-judge", "responses"), (self.spec.name,)
                ),
            )

    @asynccontextmanager
    async def index(self) -> AsyncIterator[MilvusIndex]:
        """The index itself."""
        index = MilvusIndex(self.settings.milvus, self.spec.name)
        try:
            yield index
        finally:
            await index.close()

    async def until(self, ask: Callable[[], _T | None], what: str, within_s: float = LONG_S) -> _T:
        """The first answer of `ask` that is neither None nor False."""

        async def asked() -> _T | None:
            return ask()

        return await eventually(asked, what, within_s, self._check)

    def _check(self) -> None:
        if self._following is not None and self._following.done():
            self._following.result()

    async def _follow(self, start: dict[str, dict[int, int]]) -> None:
        async for record in self.log.follow(list(start), start=start):
            value = record.value or b""
            if record.topic == "responses":
                response = decode_as(Response, value)
                self.responses[response.query_id].append(response)
            elif record.topic == "dead-letters":
                letter = decode_as(DeadLetter, value)
                origin = Position(letter.topic, letter.partition, letter.offset)
                self.dead_places[origin] = f"{record.partition}@{record.offset}"
                self.dead[origin] = letter
            elif record.value is not None:
                self.progress.observe(decode_as(IndexProgress, value))


async def eventually(
    ask: Callable[[], Awaitable[_T | None]],
    what: str,
    within_s: float = LONG_S,
    check: Callable[[], None] = lambda: None,
) -> _T:
    """The first answer that is neither None nor False; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        check()
        found = await ask()
        if found is not None and found is not False:
            return found
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"waited {within_s:g} s for {what}")


def receipt(position: Position) -> WriteReceipt:
    """What `after` takes."""
    return WriteReceipt(topic=position.topic, partition=position.partition, offset=position.offset)


def assert_quotes_are_exact(response: Response, texts: dict[str, str]) -> None:
    """Each citation is a slice of the text of its document."""
    assert response.citations, response
    for citation in response.citations:
        assert texts[citation.doc_id][citation.start : citation.end] == citation.quote


def only(found: Sequence[_T]) -> _T:
    """The only one."""
    assert len(found) == 1, found
    return found[0]


def _now_us() -> int:
    return time.time_ns() // 1000


_event = msgspec.json.Decoder(IndexEvent).decode
