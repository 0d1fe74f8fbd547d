"""How fast the token ledger decides: its fold alone, and in the worker over a log in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

from processors.builtin import built_in
from processors.ledger.ledger import Ledger
from processors.tokens import WordTokenizer
from schemas.codec import decode_as, encode
from schemas.control import Quota
from schemas.envelope import headers
from schemas.queries import Query
from schemas.topics import type_of
from schemas.usage import Bound, Charge, Price, Reserved, Settled, UsageEvent
from streams.config import Settings
from streams.control import send
from streams.views.control import ControlView
from streams.workers.admission import AdmissionHandler
from tests.doubles.log import MemoryLog

TENANTS = 16
PLENTY = 10**12
"""Nobody is refused: to refuse takes less."""
_QUESTION = "When does the night ferry to Ystad leave the harbour?"
_UNDER_WAY = 16
_EVERY_US = 300
_NOW = 1_760_000_000_000_000


def fold(requests: int) -> dict[str, float]:
    """Entries a second: a reservation under three bounds and its end; as bytes, and decoded."""
    entries = list(_entries(requests))
    written = [(type(event), encode(event), at) for event, at in entries]
    ledger = Ledger()
    began = time.perf_counter()
    for event, at in entries:
        ledger.observe(event, at)
    folded = time.perf_counter()
    for kind, value, _ in written:
        decode_as(kind, value)
    decoded = time.perf_counter()
    return {
        "entries": len(entries),
        "fold_per_s": round(len(entries) / (folded - began)),
        "decode_per_s": round(len(entries) / (decoded - folded)),
    }


def _entries(requests: int) -> Iterator[tuple[UsageEvent, int]]:
    for number in range(requests):
        at = _NOW + number * _EVERY_US
        yield _reserved(number, at), at
        if number >= _UNDER_WAY:
            yield _settled(number - _UNDER_WAY, at), at


def _reserved(number: int, at: int) -> Reserved:
    tenant = f"tenant-{number % TENANTS}"
    return Reserved(
        request_id=f"q-{number}",
        tenant=tenant,
        tokens=1400,
        least=300,
        at=at,
        expires_at=at + 60_000_000,
        model="reader@1",
        route="default",
        price=Price(input=150, output=600),
        charges=[
            Charge(**_whole(f"{tenant}:tokens_per_minute", "tokens", "minute")),
            Charge(**_whole(f"{tenant}:requests_per_minute", "requests", "minute")),
            Charge(
                **_whole("people", "nanousd", "month"),
                bucket=f"{tenant} user-{number % 100}",
                calendar=True,
                pool=Bound(**_whole("everybody", "nanousd", "month"), calendar=True),
            ),
        ],
    )


def _whole(budget: str, unit: str, window: str) -> dict[str, object]:
    return {
        "budget": budget,
        "unit": unit,
        "window": window,
        "limit": PLENTY,
        "usable": PLENTY,
    }


def _settled(number: int, at: int) -> Settled:
    return Settled(
        request_id=f"q-{number}",
        tenant=f"tenant-{number % TENANTS}",
        input_tokens=500,
        output_tokens=20,
        nanousd=500 * 150 + 20 * 600,
        at=at,
    )


class _Arrived:
    """A question, as the worker is given it; remembers when it was decided."""

    def __init__(self, query: Query, offset: int) -> None:
        self.partition = 0
        self.offset = offset
        self.key: bytes | None = query.tenant.encode()
        self.value: bytes | None = encode(query)
        self.headers = list(headers(type_of(query), source="freshet/bench", time=_NOW))
        self.logged_at = _NOW
        self.decided_at = 0.0

    def ack(self) -> None:
        """What became of it is in the log."""
        self.decided_at = time.perf_counter()


async def per_second(decisions: int, at_once: int) -> float:
    """Decisions a second where there are always as many more."""
    batches = _batches(decisions, at_once)
    async with _worker() as handler:
        began = time.perf_counter()
        for batch in batches:
            await handler.process(batch)
        await _decided(one for batch in batches for one in batch)
        return decisions / (time.perf_counter() - began)


async def took_ms(decisions: int, at_once: int) -> list[float]:
    """From the arrival of so many at once, with nothing else to do, to each decision."""
    found: list[float] = []
    async with _worker() as handler:
        for batch in _batches(decisions, at_once):
            began = time.perf_counter()
            await handler.process(batch)
            await _decided(batch)
            found += [(one.decided_at - began) * 1000 for one in batch]
    return found


@asynccontextmanager
async def _worker() -> AsyncIterator[AdmissionHandler]:
    log = MemoryLog(clock=_clock)
    for tenant in range(TENANTS):
        await send(log, quota(tenant))
    control = ControlView(log, built_in("reader"))
    handler = AdmissionHandler(Settings(), log, control, WordTokenizer(), _clock)
    await handler.open()
    try:
        yield handler
    finally:
        await handler.close()


def _batches(decisions: int, at_once: int) -> list[list[_Arrived]]:
    return [
        [_Arrived(question(number), number) for number in range(first, first + at_once)]
        for first in range(0, decisions, at_once)
    ]


async def _decided(questions: Iterable[_Arrived]) -> None:
    for one in questions:
        while not one.decided_at:  # noqa: ASYNC110
            await asyncio.sleep(0)


def question(number: int) -> Query:
    """One of many tenants asks."""
    tenant = f"tenant-{number % TENANTS}"
    return Query(query_id=f"q-{number}", text=_QUESTION, tenant=tenant, user=f"u-{number % 100}")


def quota(tenant: int) -> Quota:
    """Three bounds."""
    return Quota(
        tenant=f"tenant-{tenant}",
        tokens_per_minute=PLENTY,
        tokens_per_day=PLENTY,
        requests_per_minute=PLENTY,
        revision=1,
        by="bench",
        why="",
        at=1,
    )


def _clock() -> int:
    return time.time_ns() // 1000
