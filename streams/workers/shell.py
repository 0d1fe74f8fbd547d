"""The shell that every role runs in: Faust brings records and commits, a handler does the work.

Faust owns the consumer group: who works on which partition, and how far it has come. A handler
is told which partitions it has, is given batches, and acknowledges what it has done. It rests
nothing on the commits being exact: after a crash it is given some records again.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol, cast

import faust
from faust.types import TP

from monitoring import metrics
from schemas.topics import FIRST_INDEX
from streams.clients.kafka import Log
from streams.config import Settings
from streams.workers import measures
from streams.workers.groups import group_of, suffix
from streams.workers.inbox import Inbox, Message
from streams.workers.lag import Held, Lag
from streams.workers.order import Order
from streams.workers.probe import Probe
from streams.workers.watchdog import Watchdog

log = logging.getLogger(__name__)

_CRASHED = 70
_MAX_FETCH = 16 * 1024 * 1024


class Handler(Protocol):
    """The work of one role."""

    topic: str
    """Where its records come from."""
    batch_records: int
    batch_bytes: int

    async def open(self) -> None:
        """Connect; may wait until the parts it needs are there."""
        ...

    async def assign(self, partitions: frozenset[int]) -> None:
        """From now on exactly these partitions are ours: recover what is needed for the new."""
        ...

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Stop what goes on beside `process` for these partitions: they will be another's.

        Another takes up what is not in the log when this and the `process` under way have ended.
        """
        ...

    async def process(self, batch: Sequence[Message]) -> None:
        """Work on a batch, or hand it on; acknowledge each message once its effects are safe."""
        ...

    async def idle(self) -> None:
        """Nothing came for `limits.tick_s`."""
        ...

    async def close(self) -> None:
        """Finish what is in hand and disconnect."""
        ...


class Client(Protocol):
    """A connection that a handler uses."""

    async def close(self) -> None:
        """Disconnect."""
        ...


class Received:
    """A record from Faust. Raw bytes: decoding is the handler's, so that bad ones are data."""

    __slots__ = (
        "_app",
        "_event",
        "_held",
        "headers",
        "key",
        "logged_at",
        "offset",
        "partition",
        "value",
    )

    def __init__(self, event: Any, lag: Lag, app: faust.App) -> None:
        message = event.message
        self._event = event
        self._app = app
        self._held: Held = lag.received(message.partition, message.offset, self._commit)
        self.partition: int = message.partition
        self.offset: int = message.offset
        self.key: bytes | None = message.key
        self.value: bytes | None = message.value
        self.logged_at = round((message.timestamp or 0.0) * 1_000_000)
        headers = message.headers or []
        self.headers: list[tuple[str, bytes]] = list(
            headers.items() if isinstance(headers, dict) else headers
        )

    def is_current(self) -> bool:
        """Whether the group has not been rebalanced since: otherwise it is delivered again."""
        generation: int = self._event.message.generation_id
        return generation == self._app.consumer_generation_id

    def ack(self) -> None:
        """Let the group's committed offset move past it, once it may move past those before it."""
        self._held.ack(self.offset)

    def _commit(self) -> None:
        # Faust keeps no generations apart: a late one would count as done what is not.
        if self.is_current():
            self._event.ack()


class Shell:
    """Runs one handler in one Faust app."""

    def __init__(
        self,
        role: str,
        settings: Settings,
        handler: Handler,
        log_client: Log,
        clients: Sequence[Client] = (),
        index_version: str = FIRST_INDEX,
    ) -> None:
        """`index_version` is the one that the worker is of, where each has one of its own."""
        self._role = role
        self._settings = settings
        self._handler = handler
        self._log = log_client
        self._clients = clients
        self._inbox: Inbox[Received] = Inbox()
        self._lag = Lag()
        self._order = Order(log_client, handler.topic)
        self._assigned: frozenset[int] = frozenset()
        self._reassigned = False
        self._working = asyncio.Lock()
        """Held while the handler is at work."""
        self._probe = Probe(settings.metrics, role)
        self._group = group_of(role, index_version)
        self.app = _app(role + suffix(index_version), self._group, settings)
        self._name = settings.kafka.prefix + handler.topic
        topic = self.app.topic(
            self._name,
            key_serializer="raw",
            value_serializer="raw",
            key_type=bytes,
            value_type=bytes,
            allow_empty=True,
            internal=False,
        )
        self.app.agent(topic, name=f"{role}.receive")(self._receive)
        self.app.task(self._work)
        self.app.on_partitions_assigned.connect(cast(Any, self._on_assigned), weak=False)
        self.app.on_partitions_revoked.connect(cast(Any, self._on_revoked), weak=False)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT. Does not return."""
        worker = faust.Worker(
            self.app, loglevel="WARNING", override_logging=False, redirect_stdouts=False, quiet=True
        )
        # It writes a terminal's control codes into the log.
        worker.spinner = None
        worker.execute_from_commandline()

    async def _receive(self, stream: Any) -> None:
        async for event in stream.noack().events():
            await self._inbox.put(Received(event, self._lag, self.app))

    async def _on_assigned(self, _app: Any, assigned: Any, *_: Any, **__: Any) -> None:
        self._assigned = frozenset(tp.partition for tp in assigned if tp.topic == self._name)
        self._reassigned = True

    async def _on_revoked(self, _app: Any, revoked: Any, *_: Any, **__: Any) -> None:
        """The group waits for this to return before it gives the partitions to another."""
        gone = frozenset(tp.partition for tp in revoked if tp.topic == self._name)
        self._assigned -= gone
        self._inbox.drop(gone)
        self._lag.drop(gone)
        try:
            async with asyncio.timeout(self._settings.kafka.session_timeout_s):
                await self._handler.revoke(gone)
                async with self._working:
                    pass
        except TimeoutError:
            log.error("what is under way for %s does not end", sorted(gone))
            die()

    async def _work(self) -> None:
        try:
            lag = metrics.gauge(metrics.WORKER_LAG).labels(self._role)
            lag.set_function(lambda: self._lag.events(self._end))
            measures.begin(self._role)
            self._probe.start()
            Watchdog(self._settings.kafka.session_timeout_s, _stood_still).start()
            async with self._log:
                await self._handler.open()
                try:
                    await self._loop()
                finally:
                    await self._close()
        except asyncio.CancelledError:
            raise
        except BaseException:
            # State in memory can no longer be trusted. Everything is recovered from the log at
            # the next start, as after kill -9, so dying at once is the safe way out.
            log.exception("the worker stops and will be started anew")
            die()

    def _end(self, partition: int) -> int:
        """The offset after a partition's last event, as of the last fetch; 0 before the first."""
        try:
            return self.app.consumer.highwater(TP(self._name, partition)) or 0
        except AssertionError:  # so aiokafka says that it has lost the partition meanwhile
            return 0

    async def _close(self) -> None:
        await self._handler.close()
        for client in self._clients:
            await client.close()

    async def _loop(self) -> None:
        limits, handler = self._settings.limits, self._handler
        while not self.app.should_stop:
            batch = await self._inbox.take(
                records=handler.batch_records, size=handler.batch_bytes, timeout=limits.tick_s
            )
            async with self._working:
                while self._reassigned:
                    self._reassigned = False
                    await handler.assign(self._assigned)
                    self._order.begin(await self._log.committed(self._group, handler.topic))
                    self._probe.ready = True
                if batch := [message for message in batch if self._is_ours(message)]:
                    await self._order.check(batch)
                    measures.batch(self._role, len(batch))
                    await handler.process(batch)
                elif self._probe.ready:
                    await handler.idle()

    def _is_ours(self, message: Received) -> bool:
        """Whether no rebalance has come since: another may have it, or it is delivered again."""
        return message.partition in self._assigned and message.is_current()


def _app(name: str, group: str, settings: Settings) -> faust.App:
    kafka = settings.kafka
    datadir = settings.state_dir / "faust"
    datadir.mkdir(parents=True, exist_ok=True)
    return faust.App(
        kafka.prefix + group,
        broker=f"kafka://{kafka.bootstrap}",
        # A restarted worker takes up its partitions at once; others wait for the session's end.
        consumer_group_instance_id=f"{name}-{socket.gethostname()}-{settings.worker_id}",
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_MAX_FETCH,
        broker_session_timeout=kafka.session_timeout_s,
        broker_heartbeat_interval=kafka.session_timeout_s / 4,
        broker_commit_interval=1.0,
        broker_credentials=None,
        store="memory://",
        datadir=str(datadir / name),
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        stream_wait_empty=False,
        worker_redirect_stdouts=False,
        producer_linger=0.0,
    )


def _stood_still(seconds: float) -> None:
    log.error("nothing ran for %.1f s: other workers may have this one's partitions", seconds)
    die()


def die() -> NoReturn:
    """End this process at once, as kill -9 does; the supervisor starts another."""
    logging.shutdown()
    os._exit(_CRASHED)


def now_us() -> int:
    """The wall clock, in microseconds: read here, at the edge, and passed down as `now`."""
    return time.time_ns() // 1000


Clock = Callable[[], int]
