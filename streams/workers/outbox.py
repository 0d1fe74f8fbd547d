"""Events that are in the monitor's view and on their way to the log, each once."""

from processors.monitor.monitor import Told
from schemas.codec import decode_as, encode
from schemas.envelope import headers
from schemas.monitoring import Alert, Drift
from schemas.topics import type_of
from streams.clients.kafka import LogClient, Record
from streams.views.monitorstore import MonitorStore, Outgoing
from streams.workers import measures
from streams.workers.shell import Clock

SOURCE = "freshet/monitor"
_TYPES: dict[str, type[Drift | Alert]] = {"drift": Drift, "alerts": Alert}


class Outbox:
    """Sends what the store has to be sent.

    What a crash left may be in the log already, without the store knowing: the ids in the log say.
    """

    def __init__(self, log_client: LogClient, store: MonitorStore, clock: Clock) -> None:
        self._log = log_client
        self._store = store
        self._clock = clock
        self._told: set[str] = set()

    async def open(self) -> None:
        """Read what was told, by whomever, and send what was not."""
        for topic in _TYPES:
            async for record in self._log.read(topic):
                self._told.add(_id_of(record))
        await self.send()

    async def send(self) -> None:
        """Send what waits, each once: what a crash left may be in the log already."""
        waiting = self._store.outbox()
        for _, one in waiting:
            if one.id in self._told:
                continue
            event = decode_as(_TYPES[one.topic], one.body)
            name = headers(type_of(event), source=SOURCE, time=self._clock(), id=one.id)
            await self._log.send(one.topic, one.key, one.body, name)
            self._told.add(one.id)
            _measure(event)
        if waiting:
            self._store.sent(waiting[-1][0])


def outgoing(told: Told) -> Outgoing:
    """What is told, as it is sent."""
    topic = "drift" if isinstance(told.event, Drift) else "alerts"
    return Outgoing(topic, told.event.metric, told.id, encode(told.event))


def _measure(event: Drift | Alert) -> None:
    if isinstance(event, Drift):
        measures.drifted(event)
    else:
        measures.alerted(event)


def _id_of(record: Record) -> str:
    return dict(record.headers).get("ce_id", b"").decode(errors="replace")
