"""The process of a worker of which there is one: it reads, stops when told, and dies when lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import pytest
import pytest_asyncio

from streams.clients.kafka import Record, Start
from streams.config import Limits, Metrics, Settings
from streams.workers import single
from streams.workers.single import BATCH_RECORDS, Single
from tests.doubles.log import MemoryLog

TOPIC = "feedback"


class OpenLog(MemoryLog):
    """A log that is connected and left, and whose following may be lost."""

    def __init__(self) -> None:
        super().__init__(2)
        self.is_open = False
        self.lost: Exception | None = None

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False

    async def follow(self, topics: Iterable[str], *, start: Start) -> AsyncIterator[Record]:
        """As the log, until it is lost."""
        if self.lost is not None:
            raise self.lost
        async for record in super().follow(topics, start=start):
            yield record


class Counting:
    """A worker that notes what it is given, and ends the process when `until` holds."""

    def __init__(self, log: OpenLog, until: Callable[["Counting"], bool]) -> None:
        self._log = log
        self._until = until
        self.start: dict[str, dict[int, int]] = {TOPIC: {0: 0, 1: 0}}
        self.batches: list[list[tuple[int, int]]] = []
        self.looked = 0
        self.closed = 0
        self.fault: Exception | None = None

    @property
    def taken(self) -> list[tuple[int, int]]:
        """Partition and offset of all it was given."""
        return [place for batch in self.batches for place in batch]

    async def open(self) -> Mapping[str, Mapping[int, int]]:
        """Where to read from."""
        assert self._log.is_open
        return self.start

    async def process(self, batch: Sequence[Record]) -> None:
        """Note it."""
        if self.fault is not None:
            raise self.fault
        self.batches.append([(record.partition, record.offset) for record in batch])
        self._end()

    async def look_round(self) -> int:
        """Look whether it is time to end."""
        self.looked += 1
        self._end()
        return 0

    async def close(self) -> None:
        """While the log is still there."""
        assert self._log.is_open
        self.closed += 1

    def _end(self) -> None:
        if self._until(self):
            os.kill(os.getpid(), signal.SIGTERM)


class Connection:
    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        """Note it."""
        self.closed += 1


@pytest.fixture
def log() -> OpenLog:
    return OpenLog()


@pytest_asyncio.fixture(autouse=True)
async def quick(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Looks at every turn; and gives the signals back to whoever runs the tests."""
    monkeypatch.setattr(single, "_LOOK_ROUND_S", 0.0)
    yield
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


def runner(log: OpenLog, worker: Counting, *clients: Connection) -> Single:
    known: Any = log
    settings = Settings(limits=Limits(tick_s=0.01), metrics=Metrics(ports={"single": 0}))
    return Single("single", settings, worker, known, *clients)


def fill(log: OpenLog, records: int, partition: int = 0) -> None:
    for _ in range(records):
        log.append(TOPIC, "k", b"{}", (), partition)


async def test_it_reads_on_from_where_its_worker_says(log: OpenLog):
    """Each partition in order, none twice, and what comes later too."""
    fill(log, 3)
    fill(log, 3, 1)
    later = iter([2])

    def until(one: Counting) -> bool:
        if len(one.taken) == 3:
            fill(log, next(later, 0))
        return len(one.taken) == 5

    worker = Counting(log, until)
    worker.start = {TOPIC: {0: 2, 1: 1}}
    await runner(log, worker)._run()
    assert sorted(worker.taken) == [(0, 2), (0, 3), (0, 4), (1, 1), (1, 2)]
    for partition in (0, 1):
        offsets = [offset for at, offset in worker.taken if at == partition]
        assert offsets == sorted(offsets)


async def test_a_flood_comes_in_batches_with_looks_between_them(log: OpenLog):
    """So windows close while it is read."""
    fill(log, 3 * BATCH_RECORDS)
    worker = Counting(log, lambda one: len(one.taken) == 3 * BATCH_RECORDS)
    await runner(log, worker)._run()
    assert max(map(len, worker.batches)) <= BATCH_RECORDS
    assert worker.looked >= len(worker.batches) - 1


async def test_it_looks_round_where_nothing_comes(log: OpenLog):
    """Time passes without events, too; and an empty batch is no batch."""
    worker = Counting(log, lambda one: one.looked == 3)
    await runner(log, worker)._run()
    assert worker.batches == []


async def test_all_is_let_go_of_when_it_is_told_to_stop(log: OpenLog):
    """The worker first, while the log is there; then its connections."""
    worker, clients = Counting(log, lambda one: one.looked == 1), [Connection(), Connection()]
    await runner(log, worker, *clients)._run()
    assert worker.closed == 1
    assert [client.closed for client in clients] == [1, 1]
    assert not log.is_open


async def test_a_batch_that_fails_ends_it_and_its_view_is_let_go_of(log: OpenLog):
    """For the next process, which waits for it."""
    fill(log, 1)
    worker = Counting(log, lambda _: False)
    worker.fault = RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        await runner(log, worker)._run()
    assert worker.closed == 1


async def test_a_log_that_can_no_longer_be_followed_ends_it(log: OpenLog):
    """It would stand still and look well."""
    log.lost = ConnectionError("no broker")
    worker = Counting(log, lambda _: False)
    with pytest.raises(ConnectionError, match="no broker"):
        await runner(log, worker)._run()
    assert worker.closed == 1


def test_what_ends_it_ends_the_process(log: OpenLog, monkeypatch: pytest.MonkeyPatch):
    """What is in memory can no longer be trusted; a supervisor starts another."""

    class Died(Exception):
        pass

    def die() -> None:
        raise Died

    monkeypatch.setattr(single, "die", die)
    log.lost = ConnectionError("no broker")
    with pytest.raises(Died):
        runner(log, Counting(log, lambda _: False)).run()


def test_its_lag_is_what_it_last_saw_less_what_it_has_done_since(log: OpenLog):
    """Between two looks, too, and never below nothing."""
    worker = Counting(log, lambda one: len(one.taken) == 10)
    one = runner(log, worker)
    lags: list[tuple[int, int]] = []

    async def look_round() -> int:
        worker.looked += 1
        if worker.looked == 1:
            fill(log, 10)
            return 4
        lags.append((one._lag, max(0, 4 - len(worker.taken))))
        return one._lag

    worker.look_round = look_round  # type: ignore[method-assign]
    one.run()
    assert lags[-1] == (0, 0)
    assert [lag for lag, _ in lags] == [expected for _, expected in lags]
