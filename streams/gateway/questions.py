"""Questions sent to the log, and their answers awaited."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from aiokafka.errors import KafkaError
from msgspec.structs import replace

from monitoring import metrics
from schemas.codec import encode
from schemas.envelope import Trace, headers
from schemas.queries import Cancellation, Query
from schemas.topics import type_of
from streams.clients.kafka import LogClient, NoBroker, Record
from streams.gateway.errors import ApiError, log_unavailable
from streams.gateway.waiters import Awaited, TooManyWaiting, Waiters
from streams.views.follower import Follower

SOURCE = "freshet/gateway"
LOOK_BACK_MS = 10 * 60 * 1000
"""For so long, at least, a retry after a restart finds the answer that was given."""

_REMEMBERED_KEYS = 10_000
_NAMESPACE = uuid5(NAMESPACE_URL, "https://freshet.dev/idempotency-key")

Clock = Callable[[], int]


class Questions:
    """Produces `queries` and deals out what comes of them."""

    def __init__(
        self, log: LogClient, clock: Clock, timeout_s: float, waiters: Waiters | None = None
    ) -> None:
        """An answer that takes longer than `timeout_s` is given up."""
        self._log = log
        self._clock = clock
        self.timeout_s = timeout_s
        self.waiters = waiters or Waiters()
        self._asked: OrderedDict[str, bytes] = OrderedDict()
        self.follower = Follower(log, self._take)

    async def start(self, failed: Callable[[], None]) -> None:
        """Remember the answers of late, then follow: nothing sent from now on is missed."""
        ends = {topic: await self._log.ends(topic) for topic in ("responses", "response.deltas")}
        late = await self._log.since("responses", self._clock() // 1000 - LOOK_BACK_MS)
        async for record in self._log.read("responses", start=late):
            self.waiters.dispatch(record)
        self.follower.start(ends, failed)

    def _take(self, record: Record) -> None:
        self.waiters.dispatch(record)

    @asynccontextmanager
    async def ask(
        self, query: Query, trace: Trace, *, may_come_back: bool
    ) -> AsyncIterator[Awaited]:
        """Send a question; on leaving without a response it is cancelled.

        Not so where the caller `may_come_back` for the answer, or others wait for it as well.

        Raises:
            ApiError: too many wait, the log takes no events, or no response came in time.
        """
        if may_come_back:
            self._check_same(query)
        try:
            async with asyncio.timeout(self.timeout_s), self._joined(query, trace) as awaited:
                try:
                    yield awaited
                finally:
                    if awaited.response is None and awaited.callers == 1 and not may_come_back:
                        await self._cancel(query, trace)
        except TooManyWaiting:
            raise ApiError(503, "overloaded", "too many questions wait for their answers") from None
        except TimeoutError:
            message = f"no answer within {self.timeout_s:g} s"
            details = {"query_id": query.query_id}
            raise ApiError(504, "deadline_exceeded", message, details=details) from None

    @asynccontextmanager
    async def _joined(self, query: Query, trace: Trace) -> AsyncIterator[Awaited]:
        with self.waiters.join(query.query_id) as awaited:
            if awaited.response is None:
                await self._send(query, query, trace)
            yield awaited

    def _check_same(self, query: Query) -> None:
        """A key that comes again must come with the same question, by whichever of its API keys."""
        fingerprint = sha256(encode(replace(query, key_id=None))).digest()
        if self._asked.setdefault(query.query_id, fingerprint) != fingerprint:
            message = "this Idempotency-Key came with another question before"
            raise ApiError(422, "idempotency_key_reused", message, param="Idempotency-Key")
        if len(self._asked) > _REMEMBERED_KEYS:
            self._asked.popitem(last=False)

    async def _cancel(self, query: Query, trace: Trace) -> None:
        metrics.counter(metrics.GATEWAY_CANCELLED).inc()
        event = Cancellation(query_id=query.query_id, tenant=query.tenant)
        await self._send(event, query, trace)

    async def _send(self, event: Query | Cancellation, query: Query, trace: Trace) -> None:
        name = headers(
            type_of(event), source=SOURCE, time=self._clock(), traceparent=str(trace.child())
        )
        try:
            await self._log.send("queries", query.tenant, encode(event), name)
        except (KafkaError, NoBroker) as error:
            raise log_unavailable(error) from error


def query_id_of(tenant: str, idempotency_key: str | None) -> str:
    """A new id, or the one that always goes with a tenant's idempotency key."""
    return str(uuid4() if idempotency_key is None else _named(tenant, idempotency_key))


def event_id_of(tenant: str, doc_id: str, idempotency_key: str | None) -> str | None:
    """The id of a document write's event, the same for a retry; None without a key."""
    if idempotency_key is None:
        return None
    return str(_named(tenant, f"{doc_id}\n{idempotency_key}"))


def _named(tenant: str, name: str) -> UUID:
    return uuid5(_NAMESPACE, f"{tenant}\n{name}")
