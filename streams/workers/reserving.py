"""Reservations for questions: written to the ledger, decided there, and told to who asked for them.

What does not fit for others' holds alone waits here, in order, for a while.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from monitoring import metrics
from processors.answer import refused_by
from processors.ledger.ledger import Verdict
from processors.ledger.queue import Queue, Waiting
from processors.ledger.refusal import refusal
from schemas.queries import AdmittedQuery, Reservation
from schemas.responses import Error, Response
from schemas.usage import Charge, Released, Reserved, Settled, UsageEvent
from streams.clients.kafka import LogClient
from streams.views.ledger import LedgerView, submit
from streams.workers.inbox import Message
from streams.workers.shell import Clock

GRACE = 30_000_000
"""Microseconds from a question's deadline to the end of its hold: clocks differ, and an answer
that came in time has to be settled yet."""
MOST_WAITING = 4096
MOST_FLIGHTS = 4
"""Rounds at once: while one waits for the broker the next is prepared."""
_LOOK_ROUND_S = 0.05
"""How often those that wait are looked at though nothing was settled: time passes for them."""
_PAUSE_S = 0.002
"""What is settled meanwhile is looked at together."""
_SWEEP_US = 1_000_000


class Question:
    """A question that a worker has taken up, until each of its parts is decided."""

    def __init__(
        self, message: Message, traceparent: str | None, taken_at: int, parts: int
    ) -> None:
        self.message = message
        self.traceparent = traceparent
        self.taken_at = taken_at
        self._open = parts

    def part_decided(self) -> None:
        """What became of one of its parts is in the log."""
        self._open -= 1
        if not self._open:
            self.message.ack()


class Part(NamedTuple):
    """One answer to a question: the one that is shown, or a shadow's, which nobody waits for."""

    question: Question
    admitted: AdmittedQuery

    @property
    def is_shadow(self) -> bool:
        """Whether nobody sees the answer."""
        plan = self.admitted.plan
        return plan is not None and plan.shadow_of is not None


class Outcome(NamedTuple):
    """What came of a part."""

    part: Part
    admitted: AdmittedQuery | None
    """With its reservation; None where it was refused."""
    error: Error | None = None

    @property
    def status(self) -> str:
        """In a word."""
        return "quota_exceeded" if self.admitted is None else "admitted"

    @property
    def event(self) -> AdmittedQuery | Response | None:
        """What is to be sent; nothing where nobody waits for it."""
        if self.admitted is not None or self.part.is_shadow:
            return self.admitted
        assert self.error is not None
        return refused_by(self.part.admitted.query, self.error)


Tell: TypeAlias = Callable[[Sequence[Outcome]], Awaitable[None]]
_Waiting: TypeAlias = Waiting[Part]


class Reserving:
    """Decides for many questions at once, one round after the other."""

    def __init__(
        self, log_client: LogClient, view: LedgerView, clock: Clock, source: str, tell: Tell
    ) -> None:
        """`tell` is given what was decided, and returns once that is in the log."""
        self._log = log_client
        self._view = view
        self._clock = clock
        self._source = source
        self._tell = tell
        self._queue: Queue[Part] = Queue(view.ledger)
        self._round = asyncio.Lock()
        self._freed = asyncio.Event()
        self._swept_at = 0
        self._flights: set[asyncio.Task[None]] = set()
        """Rounds whose outcomes are on their way into the log."""
        self._failure: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        view.listen(self._listen)

    async def start(self) -> None:
        """Read the ledger, and go on with those that wait."""
        await self._view.start()
        self._task = asyncio.create_task(self._go_on(), name="those that wait")
        metrics.gauge(metrics.ADMISSION_WAITING).set_function(lambda: self._queue.parked)

    async def stop(self) -> None:
        """Leave those that wait to another worker."""
        tasks = [*self._flights, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._view.stop()

    def check(self) -> None:
        """Raise what ended the following of the ledger, or kept an outcome from the log."""
        self._view.check()
        if self._failure is not None:
            raise self._failure
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    def add(self, asked: Reserved, part: Part, wait: int) -> None:
        """A reservation is wanted, and may be waited for, for so many microseconds."""
        now = self._view.now()
        room = self._queue.parked < MOST_WAITING
        self._queue.add(asked, now + wait if room else now, part)

    async def drop(self, partitions: frozenset[int]) -> None:
        """Forget the questions of these partitions; when this returns, none is on its way."""

        def gone(part: Part) -> bool:
            return part.question.message.partition in partitions

        async with self._round:
            await asyncio.gather(*self._flights)
            self._queue.drop(gone)

    async def round(self) -> None:
        """Try for all that may be tried now.

        What comes of it is told as the log has it; waits while too much is on its way.
        """
        async with self._round:
            now = self._view.now()
            await self._sweep(now)
            step = self._queue.step(now)
            found = [self._refused(one, short, now) for one, short in step.refused]
            found += [one for each in step.known if (one := await self._known(each, now))]
            pending = [await self._view.reserve(one.asked, self._source) for one in step.tries]
            if found or pending:
                flight = asyncio.create_task(self._land(step.tries, pending, found))
                self._flights.add(flight)
                flight.add_done_callback(self._landed)
            while len(self._flights) >= MOST_FLIGHTS:
                await asyncio.wait(self._flights, return_when=asyncio.FIRST_COMPLETED)

    async def _land(
        self,
        tries: Sequence[_Waiting],
        pending: Sequence[Awaitable[Verdict]],
        found: list[Outcome],
    ) -> None:
        verdicts = await asyncio.gather(*pending)
        now = self._view.now()
        for one, verdict in zip(tries, verdicts, strict=True):
            if self._queue.tried(one, verdict, now):
                found.append(self._came_to(one, verdict, now))
        await self._tell(found)

    def _landed(self, flight: "asyncio.Task[None]") -> None:
        self._flights.discard(flight)
        if not flight.cancelled() and (error := flight.exception()) is not None:
            # What it would have told is in the log or not: a new worker finds out.
            self._failure = self._failure or error
        self._freed.set()

    def _came_to(self, one: _Waiting, verdict: Verdict, now: int) -> Outcome:
        if verdict.granted is None:
            assert verdict.short is not None
            return self._refused(one, verdict.short, now)
        return _granted(one, verdict.granted, one.item.admitted.deadline)

    async def _known(self, one: _Waiting, now: int) -> Outcome | None:
        """One that was granted before, to a worker that is gone, or to this one in vain."""
        name = one.asked.request_id
        granted, hold = self._view.ledger.known(name), self._view.ledger.holds.get(name)
        assert granted is not None
        deadline = one.item.admitted.deadline
        if hold is not None:
            deadline = min(deadline, hold.expires_at - GRACE)
            if deadline <= now:
                await self._renew(one)
                return None
        return _granted(one, granted, deadline)

    async def _renew(self, one: _Waiting) -> None:
        """Nobody answers under that hold any more: let it go, and ask anew."""
        await self._release(one.asked.request_id, one.asked.tenant)
        self._queue.add(one.asked, one.until, one.item)

    def _refused(self, one: _Waiting, short: Charge, now: int) -> Outcome:
        return Outcome(one.item, None, refusal(self._view.ledger, one.asked, short, now))

    async def _sweep(self, now: int) -> None:
        """Release what nobody has ended in time."""
        if now - self._swept_at < _SWEEP_US:
            return
        self._swept_at = now
        overdue = self._view.ledger.overdue(now)
        await asyncio.gather(*(self._release(name, hold.tenant) for name, hold in overdue))

    async def _release(self, name: str, tenant: str) -> None:
        event = Released(request_id=name, tenant=tenant, reason="expired", at=self._clock())
        await (await submit(self._log, event, self._source))

    async def _go_on(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_ROUND_S if self._queue.parked else None):
                    await self._freed.wait()
            except TimeoutError:
                pass
            self._freed.clear()
            if self._queue.parked:
                await self.round()
                await asyncio.sleep(_PAUSE_S)

    def _listen(self, event: UsageEvent) -> None:
        if self._queue.parked and isinstance(event, Settled | Released):
            self._freed.set()


def _granted(one: _Waiting, tokens: int, deadline: int) -> Outcome:
    reservation = Reservation(tokens=tokens, price=one.asked.price)
    admitted = replace(one.item.admitted, reservation=reservation, deadline=deadline)
    return Outcome(one.item, admitted)
