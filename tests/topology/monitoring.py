"""A monitor under a test's control: read from the log in any interleaving, thrown away at will."""

import random
from collections.abc import Sequence
from pathlib import Path

from processors.alerts.rules import Burn, Rule
from processors.feedback.join import JoinSpec
from processors.monitor.monitor import MonitorSpec
from processors.monitor.stream import StreamSpec
from schemas.control import IndexVersion
from streams.clients.kafka import LogClient, Record
from streams.views.monitorstore import MonitorStore
from streams.workers.monitor import MonitorWorker
from tests.doubles.embedder import HashEmbedder
from tests.doubles.log import MemoryLog
from tests.doubles.plans import CONTROL
from tests.topology.roles import SECOND, Crash, ManualClock

SPEC = MonitorSpec(stream=StreamSpec(vectors=(100,), values=(60,)))
RULE = Rule(
    name="slow",
    metric="latency_ms",
    says="answers come within a second",
    good="at_most",
    bound=1000.0,
    objective=0.9,
    severity="critical",
    burns=(Burn(long=120 * SECOND, short=20 * SECOND, factor=2.0),),
)


class MonitorRole:
    """One monitor; `crash` and `start` are what a supervisor does."""

    def __init__(self, log: MemoryLog, clock: ManualClock, folder: Path, seed: int = 0) -> None:
        self.log = log
        self.clock = clock
        self.embedder = HashEmbedder()
        self._folder = folder
        self._chance = random.Random(seed)
        self._worker: MonitorWorker | None = None
        self._next: dict[tuple[str, int], int] = {}

    async def start(self) -> None:
        """As the process does."""
        self._worker = self.over(self.log, MonitorStore(self._folder))
        start = await self._worker.open()
        self._next = {(t, p): at for t, offsets in start.items() for p, at in offsets.items()}

    def over(self, log: LogClient, store: MonitorStore) -> MonitorWorker:
        """One like this over another log."""
        return MonitorWorker(
            log,
            store,
            self.embedder,
            SPEC,
            JoinSpec(),
            [RULE],
            self.clock,
            horizon_ms=10**9,
            version=CONTROL.of(IndexVersion)["v1"],
        )

    async def step(self, records: int = 7) -> int:
        """One batch, from the partitions as chance has it."""
        batch: list[Record] = []
        while len(batch) < records:
            left = [at for at, offset in self._next.items() if self._record(*at, offset)]
            if not left:
                break
            at = self._chance.choice(left)
            for _ in range(self._chance.randint(1, records)):
                record = self._record(*at, self._next[at])
                if record is not None:
                    batch.append(record)
                    self._next[at] += 1
        if batch:
            await self.worker.process(batch)
        return len(batch)

    @property
    def worker(self) -> MonitorWorker:
        """The one in force."""
        assert self._worker is not None, "not started"
        return self._worker

    async def drain(self) -> None:
        """Read all there is."""
        while await self.step():
            await self.worker.look_round()

    async def quiet(self, seconds: int = 3600) -> None:
        """Let time pass."""
        self.clock.advance(seconds * SECOND)
        await self.worker.look_round()

    async def crash(self) -> None:
        """Throw it away; what is not in its file is lost."""
        if self._worker is not None:
            await self._worker.close()
        self._worker = None

    async def survives(self, crashes: Sequence[int]) -> None:
        """Drain, thrown away and started anew behind each so many batches."""
        steps = 0
        while True:
            try:
                if not await self.step():
                    return
                await self.worker.look_round()
            except Crash:
                await self.crash()
                self.log.before_append = self.log.after_append = None
                await self.start()
            steps += 1
            if steps in crashes:
                await self.crash()
                await self.start()

    def _record(self, topic: str, partition: int, offset: int) -> Record | None:
        found = self.log.all(topic, partition)
        return found[offset] if offset < len(found) else None
