"""What a worker has received and not dealt with: its lag, and what it may commit.

Answers are finished in any order, and a group's committed offset is a single number: past it a
crash gives nothing again. So events are committed in order, each once all before it are done.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection


class Held:
    """What a worker has of one partition, for as long as the partition is its own."""

    __slots__ = ("done", "next_offset", "open")

    def __init__(self) -> None:
        self.next_offset = 0
        """The offset after the last event received."""
        self.open: OrderedDict[int, Callable[[], None]] = OrderedDict()
        """Offsets of events received and not committed, in order, and what commits each."""
        self.done: set[int] = set()
        """Those of them that are acknowledged."""

    def ack(self, offset: int) -> None:
        """An event is dealt with. It is committed when all that came before it are."""
        if offset in self.open:
            self.done.add(offset)
        while self.open and next(iter(self.open)) in self.done:
            first, commit = self.open.popitem(last=False)
            self.done.discard(first)
            commit()


class Lag:
    """Counts for the partitions of one topic. A partition counts from its first event on."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}

    def received(self, partition: int, offset: int, commit: Callable[[], None]) -> Held:
        """Note an event; gives what to tell of its end."""
        held = self._held.setdefault(partition, Held())
        held.next_offset = offset + 1
        held.open[offset] = commit
        return held

    def drop(self, partitions: Collection[int]) -> None:
        """These partitions are another worker's now."""
        for partition in partitions:
            self._held.pop(partition, None)

    def events(self, end: Callable[[int], int]) -> int:
        """All that is not dealt with; `end` gives the offset that a partition's next event gets."""
        return sum(
            max(0, end(partition) - held.next_offset) + len(held.open) - len(held.done)
            for partition, held in list(self._held.items())
        )
