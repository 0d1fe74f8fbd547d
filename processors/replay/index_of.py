"""The changes that an index version would have had, had it been there all along.

The indexer of the live workers reads the same events of `documents`; index times are those of the
version that was there. So a time of the past means the same in both: a question that saw one
version of a document sees that version here, cut and embedded another way.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from processors.clock import IndexClock
from processors.documents import Rejected, doc_id_of
from processors.indexer import Incoming, Indexer, IndexState, Plan
from processors.parts import parts
from processors.ports import Embedder
from processors.version import IndexSpec
from schemas.index import ChangeStatus, IndexChange, IndexEvent

BATCH = 64
"""Events that are planned at once."""

_Key = tuple[int, bytes | None]
_COUNTS = (None, "indexed", "unchanged", "deleted")
"""A later event of the same document, in one batch with this one, would take its place."""


class Happened(NamedTuple):
    """An event of `documents`, and what the index that was there made of it."""

    incoming: Incoming
    index_time: int | None
    """None where it made no change of it."""
    status: ChangeStatus | None
    logged_at: int
    """Microseconds since the epoch, by the broker's clock."""


class State(IndexState, Protocol):
    """What the indexer decides by, and what becomes of it."""

    def apply(self, records: Sequence[tuple[int, int, IndexEvent]]) -> None:
        """Fold changes: partition, a number that grows within it, and the change."""
        ...


class Vectors(Protocol):
    """What was embedded before, by embed key."""

    def vectors(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Those that are known of these."""
        ...

    def keep(self, vectors: Mapping[str, bytes]) -> None:
        """Remember some more."""
        ...


class Recorded(IndexClock):
    """Gives out the times that were given out before."""

    def __init__(self) -> None:
        super().__init__()
        self._times: deque[int | None] = deque()

    def expect(self, times: Sequence[int | None]) -> None:
        """The times of the next changes, in their order; None for one that never had any."""
        self._times.extend(times)

    def next(self, partition: int, now: int, *, above: int = 0) -> int:
        """The time that was given; where there was none, as the live clock gives it."""
        recorded = self._times.popleft() if self._times else None
        if recorded is None:
            return super().next(partition, now, above=above)
        self.observe(partition, recorded)
        return recorded


async def changes_of(
    spec: IndexSpec,
    events: AsyncIterator[Happened],
    state: State,
    known: Vectors,
    embedder: Embedder,
    partition_of: Callable[[bytes], int],
) -> AsyncIterator[list[IndexChange]]:
    """Every change of `spec`, each as all of its parts; the events of a partition in their order.

    What `known` has is not embedded again. Raises what `embedder` raises; made anew with the same
    `known` and an empty state, it comes to the same changes.
    """
    clock = Recorded()
    indexer = Indexer(spec, state, clock, partition_of)
    async for batch in _batches(events):
        clock.expect([one.index_time for one in batch if _names_a_document(one.incoming)])
        plan = indexer.plan([one.incoming for one in batch], max(one.logged_at for one in batch))
        vectors = await _vectors(plan, known, embedder)
        for draft in plan.drafts:
            yield list(parts(draft, vectors))
        state.apply(
            [
                (draft.change.source.partition, draft.change.source.offset, part)
                for draft in plan.drafts
                for part in parts(draft)
            ]
        )
        indexer.forget(plan)


async def _batches(events: AsyncIterator[Happened]) -> AsyncIterator[list[Happened]]:
    """Events that the indexer may see together: it must conflate those that were conflated, and
    no others."""
    batch = _Batch()
    async for event in events:
        while batch.would_conflate(event) or batch.is_full:
            yield batch.cut()
        batch.add(event)
    if batch.events:
        yield batch.events


class _Batch:
    """Events of which none takes the place of another that it did not take then."""

    def __init__(self) -> None:
        self.events: list[Happened] = []
        self._settled: set[_Key] = set()
        """Documents of which an event counts."""
        self._waiting: set[_Key] = set()
        """Those of which one was conflated with another that is still to come."""
        self._whole = 0
        """How many of the events, from the first on, wait for none behind them."""

    @property
    def is_full(self) -> bool:
        return len(self.events) >= BATCH and not self._waiting

    def would_conflate(self, event: Happened) -> bool:
        return _key(event) in self._settled and (_counts(event) or event.status == "conflated")

    def add(self, event: Happened) -> None:
        self.events.append(event)
        if event.status == "conflated":
            self._waiting.add(_key(event))
        elif _counts(event):
            self._waiting.discard(_key(event))
            self._settled.add(_key(event))
        if not self._waiting:
            self._whole = len(self.events)

    def cut(self) -> list[Happened]:
        """The first of the events, which the batch then has no more."""
        done = self._whole or len(self.events)
        first, left = self.events[:done], self.events[done:]
        self.events, self._settled, self._waiting, self._whole = [], set(), set(), 0
        for event in left:
            self.add(event)
        return first


def _key(event: Happened) -> _Key:
    return event.incoming.partition, event.incoming.key


def _counts(event: Happened) -> bool:
    return event.status in _COUNTS and _names_a_document(event.incoming)


async def _vectors(plan: Plan, known: Vectors, embedder: Embedder) -> Mapping[str, bytes]:
    needed = sorted(plan.needed)
    found = dict(known.vectors(needed))
    missing = {key: plan.to_embed[key] for key in needed if key not in found}
    if missing:
        matrix = await embedder.embed(list(missing.values()))
        fresh = dict(zip(missing, map(_raw, matrix), strict=True))
        known.keep(fresh)
        found |= fresh
    return found


def _raw(vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    return vector.astype("<f4").tobytes()


def _names_a_document(incoming: Incoming) -> bool:
    try:
        doc_id_of(incoming.key)
    except Rejected:
        return False
    return True
