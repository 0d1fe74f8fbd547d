"""The token ledger, followed live and written to."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import msgspec

from processors.ledger.ledger import Ledger, Verdict
from processors.ledger.reach import Reach
from schemas.codec import encode
from schemas.envelope import headers
from schemas.topics import type_of
from schemas.usage import Reserved, UsageEvent
from streams.clients.kafka import LogClient, Position, Record
from streams.views.control import ControlView
from streams.views.follower import Follower

TOPIC = "usage"
PARTITION = 0
"""Where all of the ledger lies: one order of all spending."""

_decoder: msgspec.json.Decoder[UsageEvent] = msgspec.json.Decoder(UsageEvent)


class LedgerView:
    """Reads as much of `usage` as can still count, then follows it."""

    def __init__(
        self, log_client: LogClient, control: ControlView, clock: Callable[[], int]
    ) -> None:
        """`control` is to be started first: how far back is read depends on its budgets."""
        self._log = log_client
        self._clock = clock
        self._reach = Reach()
        control.listen(self._reach.note)
        self._attempts: dict[bytes, tuple[Reserved, asyncio.Future[Verdict]]] = {}
        self._id = uuid4().hex
        self._count = 0
        self._next = 0
        self._listeners: list[Callable[[UsageEvent], None]] = []
        self.follower = Follower(log_client, self._take)
        self.ledger = Ledger()

    async def start(self, failed: Callable[[], None] = lambda: None) -> None:
        """Read what may still count; from then on entries count as they come.

        `failed` is called should the following end.
        """
        begin = max(0, self._clock() - self._reach.length)
        starts = await self._log.since(TOPIC, begin // 1000)
        async for record in self._log.read(TOPIC, start=starts, partitions=[PARTITION]):
            self._take(record)
        ends = await self._log.ends(TOPIC)
        ends[PARTITION] = max(self._next, starts[PARTITION])

        def ended() -> None:
            self._give_up()
            failed()

        self.follower.start({TOPIC: ends}, ended)

    async def stop(self) -> None:
        """Stop following."""
        await self.follower.stop()

    def check(self) -> None:
        """Raise what ended the following, if anything did."""
        self.follower.check()

    def now(self) -> int:
        """The ledger's time, as far as one can tell before the next record."""
        return max(self.ledger.now, self._clock())

    def listen(self, listener: Callable[[UsageEvent], None]) -> None:
        """Call `listener` with each entry, once it is in the ledger."""
        self._listeners.append(listener)

    async def reserve(self, asked: Reserved, source: str) -> Awaitable[Verdict]:
        """Write a reservation; await the result to know what the ledger says of it."""
        self._count += 1
        attempt = f"{self._id}-{self._count}"
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._attempts[attempt.encode()] = asked, verdict
        landed = asyncio.ensure_future(await submit(self._log, asked, source, id=attempt))
        landed.add_done_callback(lambda sent: _passes_on(sent, verdict))
        return verdict

    def _give_up(self) -> None:
        """No verdict comes any more: whoever waits for one hears why."""
        try:
            self.follower.check()
        except Exception as error:
            for _, verdict in self._attempts.values():
                if not verdict.done():
                    verdict.set_exception(error)

    def _take(self, record: Record) -> None:
        if record.partition != PARTITION:
            return
        self._next = record.offset + 1
        attempt = self._attempts.pop(_id_of(record), None) if self._attempts else None
        event = attempt[0] if attempt is not None else read(record)
        if event is None:
            return
        verdict = self.ledger.observe(event, record.timestamp_ms * 1000)
        if attempt is not None and verdict is not None and not attempt[1].done():
            attempt[1].set_result(verdict)
        for listener in self._listeners:
            listener(event)


async def submit(
    log_client: LogClient, event: UsageEvent, source: str, id: str | None = None
) -> Awaitable[Position]:
    """Hand an entry to the batch being sent; await the result to know where it landed."""
    name = headers(type_of(event), source=source, time=event.at, id=id)
    return await log_client.submit(TOPIC, event.tenant, encode(event), name, PARTITION)


def read(record: Record) -> UsageEvent | None:
    """The entry; None for what nobody can read, which counts for nothing with anybody."""
    try:
        return _decoder.decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _id_of(record: Record) -> bytes:
    return next((value for name, value in record.headers if name == "ce_id"), b"")


def _passes_on(sent: "asyncio.Future[Position]", verdict: "asyncio.Future[Verdict]") -> None:
    """What did not reach the log has no verdict."""
    if verdict.done():
        return
    if sent.cancelled():
        verdict.cancel()
    elif (error := sent.exception()) is not None:
        verdict.set_exception(error)
