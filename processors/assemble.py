"""Whole changes out of the records of one partition of `index.changes`.

Every reader of that topic goes by the same three rules, so all come to the same state:
a change counts when its parts are there, one behind the other; parts that are left without
their end, by a crash or by another writer in between, are passed over; and the first change for
an offset of `documents` is the one that counts, should an indexer that lost the partition have
written once more.
"""

from msgspec import Struct

from schemas.index import IndexChange, IndexEvent, IndexTick


class Assembled(Struct, frozen=True, kw_only=True):
    """A step of the partition: a whole change, or a tick where `parts` is empty."""

    index_time: int
    applied: int
    """Every event of `documents` up to this offset is accounted for."""
    parts: list[IndexChange]


class Assembler:
    """Reads one partition's records in order."""

    def __init__(self, index_time: int = 0, applied: int = -1) -> None:
        """Go on from a step that is known to be done; the defaults begin at the beginning."""
        self._time = index_time
        self._applied = applied
        self._parts: list[IndexChange] = []

    def add(self, event: IndexEvent) -> Assembled | None:
        """Take the next record; returns a step once one is complete."""
        if not self._goes_on(event):
            self._parts.clear()
        if event.index_time <= self._time:
            return None
        if isinstance(event, IndexTick):
            return self._step(event.index_time, max(self._applied, event.applied), [])
        if event.source.offset <= self._applied or event.part != len(self._parts):
            return None
        self._parts.append(event)
        if len(self._parts) < event.parts:
            return None
        parts, self._parts = self._parts, []
        return self._step(event.index_time, event.source.offset, parts)

    def _goes_on(self, event: IndexEvent) -> bool:
        """Whether it is the next part of the change in hand.

        What is passed over for its time ends that change, too: a reader that begins later must
        come to the same.
        """
        return (
            isinstance(event, IndexChange)
            and bool(self._parts)
            and event.part == len(self._parts)
            and event.index_time == self._parts[0].index_time
        )

    def _step(self, time: int, applied: int, parts: list[IndexChange]) -> Assembled:
        self._time = time
        self._applied = applied
        return Assembled(index_time=time, applied=applied, parts=parts)
