"""How many events wait for a worker, or are in its hands."""

from collections.abc import Callable, Collection


class Held:
    """What a worker has of one partition, for as long as the partition is its own."""

    __slots__ = ("next_offset", "open")

    def __init__(self) -> None:
        self.next_offset = 0
        """The offset after the last event received."""
        self.open: set[int] = set()
        """Offsets of events received and not acknowledged."""

    def ack(self, offset: int) -> None:
        """An event is dealt with."""
        self.open.discard(offset)


class Lag:
    """Counts for the partitions of one topic. A partition counts from its first event on."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}

    def received(self, partition: int, offset: int) -> Held:
        """Note an event; gives what to tell of its end."""
        held = self._held.setdefault(partition, Held())
        held.next_offset = offset + 1
        held.open.add(offset)
        return held

    def drop(self, partitions: Collection[int]) -> None:
        """These partitions are another worker's now."""
        for partition in partitions:
            self._held.pop(partition, None)

    def events(self, end: Callable[[int], int]) -> int:
        """All that is not dealt with; `end` gives the offset that a partition's next event gets."""
        return sum(
            max(0, end(partition) - held.next_offset) + len(held.open)
            for partition, held in list(self._held.items())
        )
