"""Admission: `queries` in; `queries.admitted` out, or a `responses` record that says why not."""

import logging
from collections import Counter
from collections.abc import Sequence

import msgspec

from processors.admission import AdmissionSpec, admit
from processors.answer import without_answer
from processors.refusal import Refused
from processors.routes import plans, unusable
from processors.tenants import permitted
from schemas.codec import InvalidEvent, decode, encode
from schemas.common import Id, Principal
from schemas.envelope import Envelope, InvalidEnvelope, headers
from schemas.queries import Cancellation, Query
from schemas.topics import type_of
from streams.clients.kafka import LogClient
from streams.config import Settings
from streams.views.control import ControlView
from streams.workers import measures
from streams.workers.deadletters import dead_letter
from streams.workers.inbox import Message
from streams.workers.shell import Clock

log = logging.getLogger(__name__)

SOURCE = "freshet/admission"


class _Addressee(msgspec.Struct):
    """As much of a question as an error needs to reach who asked."""

    query_id: Id
    tenant: Principal


class AdmissionHandler:
    """Checks each question and passes it on. Implements `streams.workers.shell.Handler`."""

    topic = "queries"
    batch_records = 256
    batch_bytes = 1024 * 1024

    def __init__(
        self, settings: Settings, log_client: LogClient, control: ControlView, clock: Clock
    ) -> None:
        self._log = log_client
        self._control = control
        self._unusable: list[str] = []
        self._clock = clock
        self._spec = AdmissionSpec(deadline_us=int(settings.limits.answer_deadline_s * 1e6))

    async def open(self) -> None:
        """Read what is in force. A question passed on twice is answered once."""
        await self._control.start()
        measures.unusable(0)

    async def close(self) -> None:
        """Nothing is held back."""
        await self._control.stop()

    async def assign(self, partitions: frozenset[int]) -> None:
        """Partitions are all alike here."""

    async def idle(self) -> None:
        """Notice when following `control` has failed, or has brought a branch of no use."""
        self._control.check()
        self._look_at_routes()

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Nothing goes on beside `process`."""

    async def process(self, batch: Sequence[Message]) -> None:
        """Decide on each question, in order."""
        self._control.check()
        self._look_at_routes()
        came_to: Counter[str] = Counter()
        for message in batch:
            try:
                came_to[await self._one(message)] += 1
            except (InvalidEvent, InvalidEnvelope) as error:
                await self._invalid(message, error)
                came_to["invalid"] += 1
            message.ack()
        measures.outcomes("admission", came_to)

    def _look_at_routes(self) -> None:
        """Tell of branches that cannot be used, once each."""
        lacking = unusable(self._control.control)
        for fault in lacking:
            if fault not in self._unusable:
                log.warning("%s; its questions are answered another way", fault)
        self._unusable = lacking
        measures.unusable(len(lacking))

    async def _one(self, message: Message) -> str:
        """Deal with one event; gives what became of it."""
        envelope = Envelope.from_headers(message.headers)
        event = decode(self.topic, message.value or b"", envelope)
        if isinstance(event, Query):
            return await self._question(event, message, envelope)
        assert isinstance(event, Cancellation)
        name = headers(type_of(event), source=SOURCE, time=self._clock())
        await self._log.send("queries.admitted", event.query_id, encode(event), name)
        return "cancellation"

    async def _question(self, query: Query, message: Message, envelope: Envelope | None) -> str:
        if message.key != query.tenant.encode():
            # Budgets are kept per partition, so a tenant's questions must meet in one.
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
        trace = envelope.traceparent if envelope else None
        for one in admitted:
            name = headers(type_of(one), source=SOURCE, time=now, traceparent=trace)
            await self._log.send("queries.admitted", one.query.query_id, encode(one), name)
        return "admitted"

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
