"""Admission: `queries` in; `queries.admitted` out, or a `responses` record that says why not."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Sequence

import msgspec

from processors.admission import AdmissionSpec, admit
from processors.answer import without_answer
from processors.ledger.asking import Asking
from processors.refusal import Refused
from processors.routes import plans, unusable
from processors.tenants import permitted
from processors.tokens import Tokenizer
from schemas.codec import InvalidEvent, decode, encode
from schemas.common import Id, Principal
from schemas.envelope import Envelope, InvalidEnvelope, headers
from schemas.queries import AdmittedQuery, Cancellation, Query
from schemas.topics import type_of
from streams.clients.kafka import LogClient, Position
from streams.config import Settings
from streams.views.control import ControlView
from streams.views.ledger import LedgerView
from streams.workers import measures
from streams.workers.deadletters import dead_letter
from streams.workers.inbox import Message
from streams.workers.reserving import GRACE, Outcome, Part, Question, Reserving
from streams.workers.shell import Clock

log = logging.getLogger(__name__)

SOURCE = "freshet/admission"


class _Addressee(msgspec.Struct):
    """As much of a question as an error needs to reach who asked."""

    query_id: Id
    tenant: Principal


class AdmissionHandler:
    """Checks each question, reserves what it may use, and passes it on.

    Implements `streams.workers.shell.Handler`. A message is acknowledged when what became of its
    question is in the log.
    """

    topic = "queries"
    batch_records = 256
    batch_bytes = 1024 * 1024

    def __init__(
        self,
        settings: Settings,
        log_client: LogClient,
        control: ControlView,
        tokenizer: Tokenizer,
        clock: Clock,
    ) -> None:
        self._log = log_client
        self._control = control
        self._unusable: list[str] = []
        self._clock = clock
        self._spec = AdmissionSpec(deadline_us=int(settings.limits.answer_deadline_s * 1e6))
        self._wait_us = int(settings.limits.quota_wait_s * 1e6)
        self._asking = Asking(control.control, tokenizer, settings.prices)
        control.listen(lambda _: self._asking.clear())
        self.ledger = LedgerView(log_client, control, clock)
        self._reserving = Reserving(log_client, self.ledger, clock, SOURCE, self._tell)

    async def open(self) -> None:
        """Read what is in force, and how the ledger stands."""
        await self._control.start()
        await self._reserving.start()
        measures.unusable(0)

    async def close(self) -> None:
        """Leave the questions that wait: unacknowledged, they are asked again."""
        await self._reserving.stop()
        await self._control.stop()

    async def assign(self, partitions: frozenset[int]) -> None:
        """Partitions are all alike here."""

    async def idle(self) -> None:
        """Notice when following has failed, has brought a branch of no use, or what nobody ends."""
        self._check()
        await self._reserving.round()

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Leave the questions that wait to others."""
        await self._reserving.drop(partitions)

    async def process(self, batch: Sequence[Message]) -> None:
        """Decide on each question, in order; some may have to wait for others."""
        self._check()
        came_to: Counter[str] = Counter()
        for message in batch:
            try:
                done = await self._one(message)
            except (InvalidEvent, InvalidEnvelope) as error:
                await self._invalid(message, error)
                done = "invalid"
            if done is not None:
                came_to[done] += 1
                message.ack()
        await self._reserving.round()
        measures.outcomes("admission", came_to)

    def _check(self) -> None:
        self._control.check()
        self._reserving.check()
        self._look_at_routes()

    def _look_at_routes(self) -> None:
        """Tell of branches that cannot be used, once each."""
        lacking = unusable(self._control.control)
        for fault in lacking:
            if fault not in self._unusable:
                log.warning("%s; its questions are answered another way", fault)
        self._unusable = lacking
        measures.unusable(len(lacking))

    async def _one(self, message: Message) -> str | None:
        """Deal with one event; gives what became of it, or None where that is not decided yet."""
        envelope = Envelope.from_headers(message.headers)
        event = decode(self.topic, message.value or b"", envelope)
        if isinstance(event, Query):
            return await self._question(event, message, envelope)
        assert isinstance(event, Cancellation)
        name = headers(type_of(event), source=SOURCE, time=self._clock())
        await self._log.send("queries.admitted", event.query_id, encode(event), name)
        return "cancellation"

    async def _question(
        self, query: Query, message: Message, envelope: Envelope | None
    ) -> str | None:
        if message.key != query.tenant.encode():
            # One tenant's questions meet in one place, and are decided in their order.
            await self._log.send("queries", query.tenant, message.value, message.headers)
            return "rekeyed"
        now = self._clock()
        try:
            query = permitted(self._control.control, query, now)
            admitted = [
                admit(query, plan, self._spec, now) for plan in plans(self._control.control, query)
            ]
        except Refused as error:
            await self._refuse(query.query_id, query.tenant, str(error))
            return "refused"
        question = Question(message, envelope.traceparent if envelope else None, now, len(admitted))
        for one in admitted:
            part = Part(question, one)
            asked = self._asking(one, expires_at=one.deadline + GRACE)
            self._reserving.add(asked, part, 0 if part.is_shadow else self._wait_us)
        return None

    async def _tell(self, outcomes: Sequence[Outcome]) -> None:
        """Pass on what was granted, and say what was refused."""
        sent = [await self._send(one) for one in outcomes]
        await asyncio.gather(*(landed for landed in sent if landed is not None))
        now, came_to = self._clock(), Counter[str]()
        for one in outcomes:
            came_to[one.status] += 1
            measures.decided((now - one.part.question.taken_at) / 1e6, one.error)
            one.part.question.part_decided()
        measures.outcomes("admission", came_to)

    async def _send(self, one: Outcome) -> Awaitable[Position] | None:
        event = one.event
        if event is None:
            return None
        topic = "queries.admitted" if isinstance(event, AdmittedQuery) else "responses"
        trace = one.part.question.traceparent
        name = headers(type_of(event), source=SOURCE, time=self._clock(), traceparent=trace)
        query_id = one.part.admitted.query.query_id
        return await self._log.submit(topic, query_id, encode(event), name)

    async def _invalid(self, message: Message, error: Exception) -> None:
        """Put it aside, and tell who asked where the record says who that is."""
        await dead_letter(self._log, self.topic, message, error, "admission", self._clock())
        try:
            who = msgspec.json.decode(message.value or b"", type=_Addressee)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        await self._refuse(who.query_id, who.tenant, str(error))

    async def _refuse(self, query_id: str, tenant: str, why: str) -> None:
        response = without_answer(query_id, tenant, "invalid_query", why, status="refused")
        name = headers(type_of(response), source=SOURCE, time=self._clock())
        await self._log.send("responses", query_id, encode(response), name)
