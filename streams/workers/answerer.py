"""The answerer: `queries.admitted` in, `response.deltas` and one `responses` record out.

Each question is a task of its own. Its message is acknowledged when the response is in the log,
so a crash asks it again; what has a response already is not answered a second time.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from monitoring import metrics
from processors.allowance import Spent, TooLittle
from processors.answer import Means, ReadPoint, refused_by, to_nobody, without_answer
from processors.indexversions import frozen
from processors.prompt import ValueTooLong
from processors.readtime import ReadRefused, Waiter, wanted
from processors.routes import label, plans
from schemas.codec import InvalidEvent, decode, encode
from schemas.control import IndexVersion, PromptVersion
from schemas.envelope import Envelope, InvalidEnvelope, headers
from schemas.queries import AdmittedQuery, Cancellation, Plan, Query
from schemas.responses import Error, ErrorType, Response, ResponseDelta
from schemas.topics import TOPICS, retention_ms, type_of
from streams.clients.errors import IndexUnavailable, ModelDeadline, ModelError, ModelRejected
from streams.clients.kafka import LogClient, Position
from streams.config import Settings
from streams.views.control import ControlView
from streams.views.progress import IndexFollower
from streams.workers import measures
from streams.workers.deadletters import dead_letter
from streams.workers.inbox import Message
from streams.workers.lanes import Lane, Lanes, Readers
from streams.workers.settling import Settling
from streams.workers.shell import Clock

log = logging.getLogger(__name__)

SOURCE = "freshet/answerer"

_REMEMBERED = 200_000
_LOOK_BACK_MS = int(1.1 * retention_ms(TOPICS["queries.admitted"], horizon_ms=0))
"""More than the retention of `queries.admitted`: no older question can come again."""

_RETRY_AFTER_S = 2.0
_KNOWN_S = 5.0
"""How long a plan may be ahead of what this worker has read of `control`."""


class AnswererHandler:
    """Answers many questions at once. Implements `streams.workers.shell.Handler`."""

    topic = "queries.admitted"
    batch_records = 64
    batch_bytes = 1024 * 1024

    def __init__(
        self,
        settings: Settings,
        log_client: LogClient,
        control: ControlView,
        lanes: Lanes,
        readers: Readers,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._log = log_client
        self._control = control
        self._lanes = lanes
        self._readers = readers
        self._clock = clock
        self._settling = Settling(log_client, clock, SOURCE)
        self._slots = asyncio.Semaphore(settings.limits.concurrent_answers)
        self._unseen = asyncio.Semaphore(settings.limits.concurrent_shadows)
        self._owned: frozenset[int] = frozenset()
        self._running: dict[str, _Question] = {}
        self._failure: BaseException | None = None
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._cancelled: OrderedDict[str, None] = OrderedDict()
        self._read_to: dict[int, int] = {}
        """Partition of `responses` to the offset up to which `_answered` knows it."""

    async def open(self) -> None:
        """Read what is in force and how far the index is, and follow both."""
        await self._control.start()
        await self._lanes.start()
        metrics.gauge(metrics.ANSWERER_STALENESS).set_function(self._staleness_s)

    async def close(self) -> None:
        """Drop the questions in hand: unacknowledged, they are asked again."""
        await self._drop(list(self._running.values()))
        await self._lanes.stop()
        await self._control.stop()

    async def assign(self, partitions: frozenset[int]) -> None:
        """Find out which questions have their response, from whomever."""
        self._owned = partitions
        await self._settling.assigned()
        since = await self._log.since("responses", self._clock() // 1000 - _LOOK_BACK_MS)
        start = {p: max(since[p], self._read_to.get(p, 0)) for p in partitions}
        async for record in self._log.read("responses", start=start, partitions=partitions):
            self._read_to[record.partition] = record.offset + 1
            if record.key is not None:
                _note(self._answered, record.key.decode(errors="replace"))

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Leave the questions to others: when this returns, no response of ours is on its way."""
        self._owned -= partitions
        await self._drop([q for q in self._running.values() if q.partition in partitions])

    async def idle(self) -> None:
        """Notice when following the index, or sending a response, has failed."""
        self._check()

    async def process(self, batch: Sequence[Message]) -> None:
        """Begin each question; waits while too many are in hand."""
        self._check()
        for message in batch:
            await self._begin(message)

    async def _begin(self, message: Message) -> None:
        try:
            envelope = Envelope.from_headers(message.headers)
            event = decode(self.topic, message.value or b"", envelope)
        except (InvalidEvent, InvalidEnvelope) as error:
            await dead_letter(self._log, self.topic, message, error, "answerer", self._clock())
            return _settled(message, "invalid")
        if isinstance(event, Cancellation):
            self._cancel(event)
            return _settled(message, "cancellation")
        assert isinstance(event, AdmittedQuery)
        query_id = event.query.query_id
        if query_id in self._answered:
            await self._settling.release_known(event)
            return _settled(message, "known")
        if (running := self._running.get(query_id)) is not None:
            return running.messages.append(message)  # perhaps the same one, delivered again
        is_shadow = event.plan is not None and event.plan.shadow_of is not None
        if not is_shadow:  # which wait for one another, and hold nobody up
            await self._slots.acquire()
            if message.partition not in self._owned:
                return self._slots.release()
        question = self._running[query_id] = _Question(event.query, message, is_shadow=is_shadow)
        question.task = asyncio.create_task(self._run(event, question), name=query_id)
        question.task.add_done_callback(partial(self._ended, query_id))
        return None

    def _cancel(self, event: Cancellation) -> None:
        _note(self._cancelled, _whose(event))
        question = self._running.get(event.query_id)
        if question is not None and question.stoppable and question.whose == _whose(event):
            question.cancel()

    async def _drop(self, questions: Sequence["_Question"]) -> None:
        for question in questions:
            if not question.sending:
                question.cancel()
        tasks = [question.task for question in questions if question.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _staleness_s(self) -> float:
        at = self._lanes.read_time()
        return math.nan if at is None else (self._clock() - at) / 1e6

    def _check(self) -> None:
        self._control.check()
        self._lanes.check()
        if self._failure is not None:
            raise self._failure

    async def _run(self, admitted: AdmittedQuery, question: "_Question") -> None:
        query_id = admitted.query.query_id
        plan = admitted.plan or plans(self._control.control, admitted.query)[0]
        async with self._unseen if question.is_shadow else nullcontext():
            response = await self._stoppable(replace(admitted, plan=plan), question)
        response = replace(response, route=label(plan), shadow_of=plan.shadow_of)
        question.sending = True
        response = await self._settling.settle(admitted, response, question.spent)
        name = headers(type_of(response), source=SOURCE, time=self._clock())
        await self._log.send("responses", query_id, encode(response), name, question.partition)
        _note(self._answered, query_id)
        await self._settling.release(response)
        for message in question.messages:
            _settled(message, response.status if plan.shadow_of is None else "shadow")
        measures.responded(response, (self._clock() - admitted.admitted_at) / 1e6)

    def _ended(self, query_id: str, task: asyncio.Task[None]) -> None:
        if not self._running.pop(query_id).is_shadow:
            self._slots.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Without its response in the log it must be asked again: of a new worker.
            self._failure = self._failure or error

    async def _stoppable(self, admitted: AdmittedQuery, question: "_Question") -> Response:
        """The response; from when there is one, a cancellation comes too late."""
        question.stoppable = True
        try:
            return await self._respond(admitted, question.spent)
        finally:
            question.stoppable = False

    async def _respond(self, admitted: AdmittedQuery, spent: Spent) -> Response:
        """The response, whatever happens: an error is an answer too."""
        query = admitted.query
        try:
            return await self._attempt(admitted, spent)
        except asyncio.CancelledError:
            if _whose(query) not in self._cancelled:
                raise  # the worker stops; the question will be asked again
            return _failed(query, "cancelled", "the caller hung up")
        except ReadRefused as error:
            return _failed(query, error.type, str(error))
        except ValueTooLong as error:
            return _failed(query, "invalid_query", str(error))
        except TooLittle as error:
            return _too_little(query, str(error))
        except ModelDeadline:
            return _failed(query, "deadline_exceeded", "the model took too long")
        except ModelRejected as error:
            return _failed(query, "invalid_query", str(error))
        except ModelError as error:
            return _failed(query, "model_unavailable", str(error), _RETRY_AFTER_S)
        except IndexUnavailable as error:
            return _failed(query, "index_unavailable", str(error), _RETRY_AFTER_S)
        except Exception:
            log.exception("question %s could not be answered", query.query_id)
            return _failed(query, "internal", "an unexpected error; the worker's log has it")

    async def _attempt(self, admitted: AdmittedQuery, spent: Spent) -> Response:
        query = admitted.query
        if _whose(query) in self._cancelled:
            return _failed(query, "cancelled", "the caller hung up")
        began = self._clock()
        plan = admitted.plan
        assert plan is not None
        lane, means = await self._means(plan)
        point = await self._read_point(admitted, lane.follower, plan.index_version)
        waited = self._clock()
        left_s = (admitted.deadline - waited) / 1e6
        if left_s <= 0:
            return _failed(query, "deadline_exceeded", "its time was up before it could be read")
        deltas = _Deltas(self._log, query.query_id, self._clock)
        response = await lane.answerer.answer(
            query,
            means,
            point,
            tokens=admitted.reservation.tokens,
            spent=spent,
            timeout_s=left_s,
            emit=deltas if plan.shadow_of is None else to_nobody,
        )
        await deltas.flush()
        response.timings_ms["queued"] = (began - admitted.admitted_at) / 1000
        response.timings_ms["waited"] = (waited - began) / 1000
        return response

    async def _means(self, plan: Plan) -> tuple[Lane, Means]:
        """What a plan names. Admission may know of it a moment before we do."""
        prompts = partial(self._control.control.all, PromptVersion)
        prompt = await self._control.wait(lambda: prompts().get(plan.prompt), _KNOWN_S)
        lane = await self._lanes.wait(plan.index_version, _KNOWN_S)
        if lane is None or prompt is None:
            raise IndexUnavailable(f"this worker knows no {plan.index_version} or {plan.prompt}")
        return lane, Means(plan=plan, prompt=prompt, reader=await self._readers(plan.model))

    async def _read_point(
        self, admitted: AdmittedQuery, follower: IndexFollower, index_version: str
    ) -> ReadPoint:
        limits, progress = self._settings.limits, follower.progress
        version = self._control.control.all(IndexVersion)[index_version]
        bounds = wanted(
            admitted.query,
            self._clock(),
            limits.horizon_ms * 1000,
            progress.partitions,
            version.complete_from,
            frozen(version),
        )
        waiter = Waiter(bounds)

        def ready() -> int | None:
            at = waiter.at(progress, self._clock())
            return at if at is not None and follower.knows(at) else None

        timeout_s = min(limits.after_timeout_s, (admitted.deadline - self._clock()) / 1e6)
        at = await follower.wait(ready, timeout_s)
        if at is None:
            raise ReadRefused(*waiter.lacking())
        return ReadPoint(
            at=at,
            applied=follower.applied.at(at),
            staleness_ms=max(0, self._clock() - at) / 1000,
        )


class _Question:
    """A question in hand."""

    def __init__(self, query: Query, message: Message, *, is_shadow: bool) -> None:
        self.whose = _whose(query)
        self.is_shadow = is_shadow
        self.partition = message.partition
        self.messages = [message]
        """Every delivery of it, acknowledged together."""
        self.task: asyncio.Task[None] | None = None
        self.spent = Spent()
        self.stoppable = False
        self.sending = False
        """The response is on its way to the log, from where nothing calls it back."""

    def cancel(self) -> None:
        """Stop it where it stands."""
        if self.task is not None:
            self.task.cancel()


class _Deltas:
    """Sends the pieces of one attempt at an answer.

    The first goes at once; what comes while a record is on its way goes together in the next.
    """

    def __init__(self, log_client: LogClient, query_id: str, clock: Clock) -> None:
        self._log = log_client
        self._query_id = query_id
        self._clock = clock
        self._attempt = uuid4().hex
        self._count = 0
        self._held = ""
        self._under_way: asyncio.Future[Position] | None = None
        self._next: asyncio.Task[None] | None = None

    async def __call__(self, text: str) -> None:
        self._held += text
        if self._under_way is None or self._under_way.done():
            await self.flush()

    async def flush(self) -> None:
        """Send what is held back."""
        text, self._held = self._held, ""
        if not text:
            return
        delta = ResponseDelta(
            query_id=self._query_id, attempt=self._attempt, index=self._count, text=text
        )
        self._count += 1
        name = headers(type_of(delta), source=SOURCE, time=self._clock())
        # Pieces are a courtesy: nobody waits until one is safe, the response has it all.
        sent = await self._log.submit("response.deltas", self._query_id, encode(delta), name)
        self._under_way = asyncio.ensure_future(sent)
        self._under_way.add_done_callback(self._landed)

    def _landed(self, sent: "asyncio.Future[Position]") -> None:
        _seen(sent)
        if self._held:
            self._next = asyncio.create_task(self.flush())
            self._next.add_done_callback(_seen)


def _seen(sent: "asyncio.Future[Any]") -> None:
    """A piece that is lost is no fault: the response makes up for it."""
    if not sent.cancelled():
        sent.exception()


def _settled(message: Message, status: str) -> None:
    message.ack()
    measures.outcomes("answerer", {status: 1})


def _failed(
    query: Query, error_type: ErrorType, message: str, retry_after_s: float | None = None
) -> Response:
    return without_answer(
        query.query_id, query.tenant, error_type, message, retry_after_s=retry_after_s
    )


def _too_little(query: Query, message: str) -> Response:
    return refused_by(query, Error(type="quota_exceeded", message=message))


def _whose(event: Query | Cancellation) -> str:
    """One tenant's question; another tenant cannot cancel it."""
    return f"{event.tenant} {event.query_id}"


def _note(ids: OrderedDict[str, None], query_id: str) -> None:
    ids[query_id] = None
    ids.move_to_end(query_id)
    while len(ids) > _REMEMBERED:
        ids.popitem(last=False)
