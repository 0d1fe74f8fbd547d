"""The process of a worker of which there is one: it reads whole topics and belongs to no group."""

import asyncio
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from monitoring import metrics
from streams.clients.kafka import Log, Record
from streams.config import Settings
from streams.workers import measures
from streams.workers.inbox import Inbox
from streams.workers.probe import Probe
from streams.workers.shell import Client, die

log = logging.getLogger(__name__)

BATCH_RECORDS = 256
BATCH_BYTES = 8 * 1024 * 1024
_LOOK_ROUND_S = 2.0


class Worker(Protocol):
    """The work."""

    async def open(self) -> Mapping[str, Mapping[int, int]]:
        """Recover; gives where to read from, by topic and partition."""
        ...

    async def process(self, batch: Sequence[Record]) -> None:
        """Work on a batch; a partition's records come in order."""
        ...

    async def look_round(self) -> int:
        """Called every now and then; gives how many events of the log are not read yet."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class Single:
    """Runs one worker."""

    def __init__(
        self, role: str, settings: Settings, worker: Worker, log_client: Log, *clients: Client
    ) -> None:
        self._role = role
        self._settings = settings
        self._worker = worker
        self._log = log_client
        self._clients = clients
        self._inbox: Inbox[Record] = Inbox()
        self._lag = 0

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        try:
            asyncio.run(self._run())
        except Exception:
            # What is in memory can no longer be trusted; the view and the log can.
            log.exception("the worker stops and will be started anew")
            die()

    async def _run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        probe = Probe(self._settings.metrics, self._role)
        lag = metrics.gauge(metrics.WORKER_LAG).labels(self._role)
        lag.set_function(lambda: self._lag)
        measures.begin(self._role)
        probe.start()
        async with self._log:
            start = await self._worker.open()
            following = asyncio.create_task(self._follow(start), name="follow")
            following.add_done_callback(lambda _: stop.set())
            probe.ready = True
            try:
                await self._loop(stop)
            finally:
                following.cancel()
                ended = await asyncio.gather(following, return_exceptions=True)
                await self._worker.close()
                for client in self._clients:
                    await client.close()
        if isinstance(ended[0], Exception):
            raise ended[0]

    async def _follow(self, start: Mapping[str, Mapping[int, int]]) -> None:
        async for record in self._log.follow(start, start=start):
            await self._inbox.put(record)

    async def _loop(self, stop: asyncio.Event) -> None:
        looked = 0.0
        while not stop.is_set():
            batch = await self._inbox.take(
                records=BATCH_RECORDS, size=BATCH_BYTES, timeout=self._settings.limits.tick_s
            )
            if batch:
                measures.batch(self._role, len(batch))
                await self._worker.process(batch)
                self._lag = max(0, self._lag - len(batch))
            if time.monotonic() - looked >= _LOOK_ROUND_S:
                self._lag = await self._worker.look_round()
                looked = time.monotonic()
