"""The end of a reservation: what an answer came to, or that it came to nothing.

What is charged stands in the log before the response does, so that a crash between the two loses
no charge; the question is then answered again, and its response says what was charged. That nothing
is charged stands there after it: whoever finds the response says it again.
"""

import asyncio
from collections import OrderedDict

from msgspec.structs import replace

from processors.allowance import Spent
from processors.ledger.money import cost
from schemas.queries import AdmittedQuery
from schemas.responses import Response, Usage
from schemas.usage import Released, ReleaseReason, Settled
from streams.clients.kafka import LogClient
from streams.views.ledger import PARTITION, TOPIC, read, submit
from streams.workers import measures
from streams.workers.shell import Clock

_MARGIN_US = 60_000_000
"""Clocks differ by less, and no entry is longer on its way."""
_REMEMBERED = 100_000


class Settling:
    """Ends the reservations of one worker's questions."""

    def __init__(self, log_client: LogClient, clock: Clock, source: str) -> None:
        self._log = log_client
        self._clock = clock
        self._source = source
        self._reading = asyncio.Lock()
        self._charged: OrderedDict[str, Usage] = OrderedDict()
        """What was charged for questions, by this worker or one before it."""
        self._assigned_at = 0
        self._known_from = 0
        """Questions admitted since then were looked for."""

    async def assigned(self) -> None:
        """Questions from before this moment may have been with another worker."""
        self._assigned_at = self._clock()
        self._charged.clear()
        await self._read_back(max(0, self._assigned_at - _MARGIN_US))

    async def settle(self, admitted: AdmittedQuery, response: Response, spent: Spent) -> Response:
        """Charge for an answer, before its response is sent; gives the response to send."""
        charged = await self._charged_before(admitted)
        if charged is None:
            charged = spent.usage
            if not is_charged(response, charged):
                return response
            await self._charge(admitted, charged)
            measures.settled(charged, spent.counted)
        return replace(response, usage=charged)

    async def release(self, response: Response) -> None:
        """Charge nothing for a response that is sent, if nothing was charged for it."""
        if is_charged(response, response.usage):
            return
        error = response.error.type if response.error is not None else ""
        reason: ReleaseReason = "cancelled" if error == "cancelled" else "failed"
        await self._release(response.query_id, response.tenant, reason)

    async def release_known(self, admitted: AdmittedQuery) -> None:
        """A question that has its response came again: what it holds is free, if anything is."""
        if await self._charged_before(admitted) is None:
            await self._release(admitted.query.query_id, admitted.query.tenant, "refused")

    async def _release(self, query_id: str, tenant: str, reason: ReleaseReason) -> None:
        event = Released(request_id=query_id, tenant=tenant, reason=reason, at=self._clock())
        await self._write(event)

    async def _charge(self, admitted: AdmittedQuery, used: Usage) -> None:
        price = admitted.reservation.price
        event = Settled(
            request_id=admitted.query.query_id,
            tenant=admitted.query.tenant,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            nanousd=cost(price, used.input_tokens, used.output_tokens),
            at=self._clock(),
        )
        await self._write(event)
        self._note(event.request_id, used)

    def _note(self, query_id: str, charged: Usage) -> None:
        """The first end of a request counts."""
        self._charged.setdefault(query_id, charged)
        if len(self._charged) > _REMEMBERED:
            self._charged.popitem(last=False)

    async def _write(self, event: Settled | Released) -> None:
        await (await submit(self._log, event, self._source))

    async def _charged_before(self, admitted: AdmittedQuery) -> Usage | None:
        """What another worker has charged for a question, and died before it could respond."""
        async with self._reading:
            if admitted.admitted_at < self._known_from:
                await self._read_back(admitted.admitted_at)
        return self._charged.get(admitted.query.query_id)

    async def _read_back(self, admitted_at: int) -> None:
        since = await self._log.since(TOPIC, max(0, admitted_at - _MARGIN_US) // 1000)
        async for record in self._log.read(TOPIC, start=since, partitions=[PARTITION]):
            event = read(record)
            if isinstance(event, Settled):
                usage = Usage(input_tokens=event.input_tokens, output_tokens=event.output_tokens)
                self._note(event.request_id, usage)
        self._known_from = admitted_at


def is_charged(response: Response, used: Usage) -> bool:
    """Whether a request is charged: it was served, or a model has worked for it all the same."""
    return response.status in ("answered", "unanswerable") or used != Usage()
