"""Two index versions asked the same questions at one moment, beside the stream.

Nothing of it goes to the log: no answer is shown, judged or charged.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Self

from msgspec import Struct

from processors.answer import Answerer, Means, ReadPoint, to_nobody
from processors.control import Control
from processors.index import Access
from processors.overlap import Span, overlap, rank_agreement
from processors.version import spec_of
from schemas.control import PromptVersion
from schemas.queries import Plan, Query
from schemas.responses import Response
from streams.clients.errors import ClientError
from streams.clients.kafka import LogClient
from streams.clients.milvus import MilvusIndex
from streams.clients.readers import TritonReaders
from streams.clients.triton import TritonEmbedder
from streams.config import Settings
from streams.errors import FreshetError
from streams.versions.known import kept_in_step
from streams.views.progress import IndexFollower

_AT_ONCE = 4


class Asked(Struct, frozen=True, kw_only=True):
    """A question, and by what it is answered but for the index version."""

    query: Query
    plan: Plan


class Found(Struct, frozen=True, kw_only=True):
    """What one version gives."""

    status: str
    answer: str
    as_of: int
    passages: list[Span]
    """In their order."""


class Pair(Struct, frozen=True, kw_only=True):
    """What both give to one question."""

    question: str
    tenant: str
    one: Found
    other: Found
    overlap: float
    rank_agreement: float

    @property
    def differs(self) -> bool:
        """Whether somebody who asks is told something else."""
        return (self.one.status, self.one.answer) != (self.other.status, self.other.answer)


class Comparison(Struct, frozen=True, kw_only=True):
    """Every question that both answered, and the messages of those that one did not."""

    pairs: list[Pair]
    failed: list[str]


class Side:
    """One index version, for as long as it is asked."""

    def __init__(self, settings: Settings, log: LogClient, control: Control, name: str) -> None:
        spec = spec_of(kept_in_step(control, name))
        self._wait_s = settings.limits.after_timeout_s
        self._timeout_s = settings.limits.answer_deadline_s
        self._follower = IndexFollower(log, name)
        self._index = MilvusIndex.of(settings.milvus, spec)
        self._embedder = TritonEmbedder.of(settings.triton, spec)
        self._answerer = Answerer(
            spec=spec,
            index=self._index,
            embedder=self._embedder,
            statistics=self._follower.statistics,
            clock=_now,
        )
        self.name = name

    async def __aenter__(self) -> Self:
        await self._follower.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._follower.stop()
        await self._index.close()
        await self._embedder.close()

    async def ask(self, asked: Asked, means: Means) -> Found:
        """What it gives now. Raises ClientError, or FreshetError where it shows nothing yet."""
        at = await self._follower.wait(self._readable, self._wait_s)
        if at is None:
            raise FreshetError(f"the index version {self.name} shows nothing yet")
        applied = self._follower.applied.at(at)
        point = ReadPoint(at=at, applied=applied, staleness_ms=(_now() - at) / 1000)
        response = await self._answerer.answer(
            asked.query, means, point, timeout_s=self._timeout_s, emit=to_nobody
        )
        return Found(
            status=response.status,
            answer=response.answer,
            as_of=at,
            passages=await self._spans(response),
        )

    def _readable(self) -> int | None:
        at = self._follower.progress.read_time()
        return at if at is not None and self._follower.knows(at) else None

    async def _spans(self, response: Response) -> list[Span]:
        if (receipt := response.receipt) is None:
            return []
        ids = [name.rpartition("@")[0] for name in receipt.passages]
        # Whose they are was decided when they were found: this only tells where they stand.
        rows = await self._index.passages(ids, receipt.as_of, Access())
        doc_ids = list({row.doc_id for row in rows.values()})
        documents = await self._index.documents(doc_ids, receipt.as_of)
        return [Span(rows[at].doc_id, *documents[rows[at].doc_id].layout[at]) for at in ids]


async def compare(
    settings: Settings,
    log: LogClient,
    control: Control,
    names: tuple[str, str],
    questions: Sequence[Asked],
    step: Callable[[], None],
) -> Comparison:
    """Ask both versions; `step` is called as each question is done.

    Raises:
        NoSuchVersion: a version is retired, or there never was one.
    """
    readers = TritonReaders(settings.triton.grpc)
    prompts = control.all(PromptVersion)
    slots = asyncio.Semaphore(_AT_ONCE)
    one, other = (Side(settings, log, control, name) for name in names)

    async def ask(asked: Asked) -> Pair | str:
        plan = asked.plan
        async with slots:
            try:
                reader = await readers.get(plan.model)
                means = Means(plan=plan, prompt=prompts[plan.prompt], reader=reader)
                found = await asyncio.gather(one.ask(asked, means), other.ask(asked, means))
            except ClientError as error:
                return f"{asked.query.text[:80]!r}: {error}"
            finally:
                step()
        return _pair(asked, *found)

    try:
        async with one, other:
            came_to = await asyncio.gather(*map(ask, questions))
    finally:
        await readers.close()
    return Comparison(
        pairs=[each for each in came_to if isinstance(each, Pair)],
        failed=[each for each in came_to if isinstance(each, str)],
    )


def _pair(asked: Asked, one: Found, other: Found) -> Pair:
    return Pair(
        question=asked.query.text,
        tenant=asked.query.tenant,
        one=one,
        other=other,
        overlap=overlap(one.passages, other.passages),
        rank_agreement=rank_agreement(one.passages, other.passages),
    )


def _now() -> int:
    return time.time_ns() // 1000
