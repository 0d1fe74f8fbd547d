"""The steward: `control` in; `dead-letters` out for each change that does not count.

What was in force stays in force: it is written again behind what was refused, so that compaction,
which keeps the last record of a key, keeps what counts. Who starts late then agrees with the rest.
"""

from collections import Counter
from collections.abc import Sequence

from processors.control import Control
from schemas.control import ControlEvent
from streams.clients.kafka import LogClient, Record
from streams.control import TOPIC, send, take
from streams.views.control import ControlView
from streams.workers import measures
from streams.workers.dangling import DanglingWatch
from streams.workers.deadletters import dead_letter
from streams.workers.inbox import Message
from streams.workers.shell import Clock

SOURCE = "freshet/steward"


class StewardHandler:
    """Looks at each change once. Implements `streams.workers.shell.Handler`."""

    topic = TOPIC
    batch_records = 256
    batch_bytes = 4 * 1024 * 1024

    def __init__(
        self, log_client: LogClient, clock: Clock, built_in: Sequence[ControlEvent] = ()
    ) -> None:
        self._log = log_client
        self._clock = clock
        self._built_in = built_in
        self._dangling = DanglingWatch(ControlView(log_client, built_in))
        self._folds: dict[int, Control] = {}
        """By partition, as of the last change that was looked at: a key has one partition."""

    async def open(self) -> None:
        """Read all that is in force, for what leads nowhere in it."""
        await self._dangling.start()

    async def close(self) -> None:
        """Nothing is held back."""
        await self._dangling.stop()

    async def assign(self, partitions: frozenset[int]) -> None:
        """What counts is read anew: another may have looked at changes since."""
        self._folds.clear()

    async def revoke(self, partitions: frozenset[int]) -> None:
        """Nothing goes on beside `process`."""

    async def idle(self) -> None:
        """Look for what leads nowhere since the last change."""
        self._dangling.look()

    async def process(self, batch: Sequence[Message]) -> None:
        """Look at each change, in order."""
        came_to: Counter[str] = Counter()
        for message in batch:
            control = await self._before(message)
            refused = take(control, _record(message)).refused
            if refused is not None:
                await dead_letter(self._log, self.topic, message, refused, "steward", self._clock())
                await self._say_again(control, message.key)
            came_to["refused" if refused else "counts"] += 1
            message.ack()
        measures.outcomes("steward", came_to)
        self._dangling.look()

    async def _before(self, message: Message) -> Control:
        """What counts before a message, of its partition."""
        if message.partition not in self._folds:
            control = self._folds[message.partition] = Control(self._built_in)
            records = self._log.read(TOPIC, partitions=[message.partition])
            async for record in records:
                if record.offset >= message.offset:
                    break
                take(control, record)
            await records.aclose()
        return self._folds[message.partition]

    async def _say_again(self, control: Control, key: bytes | None) -> None:
        known = (key or b"").decode(errors="replace")
        counts = control.get(known)
        if counts is not None and control.revision(known):
            await send(self._log, counts, SOURCE)


def _record(message: Message) -> Record:
    return Record(
        TOPIC, message.partition, message.offset, message.key, message.value, message.headers
    )
