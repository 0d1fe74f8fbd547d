"""Drift of embeddings: questions unlike any before, and known topics asked more than before.

An event costs one product of the reference with its vector (500 x 384 multiplications) and a few
sums: nothing grows with the stream. What is asked *less* shows as something else asked more.
"""

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from processors.drift.alarm import EXAMPLES, Alarm, Fault, Seen
from processors.drift.cusum import Bank, BankState
from processors.drift.ratios import GROWTHS, SHARES, novelty_ratios
from processors.drift.reference import EmbeddingReference, novelty, unit

_CANDIDATES = 128
"""Events of which examples are taken: the last so many."""


class Candidate(Struct, frozen=True):
    """An event that may become an example."""

    number: int
    event_id: str
    novelty: float
    topic: int
    closeness: float
    """To its topic's centre."""


class EmbeddingState(Struct, kw_only=True):
    """All that the detector remembers beside its reference."""

    events: int
    novelty: BankState
    mix: BankState
    candidates: list[Candidate]


class EmbeddingDetector:
    """Watches one stream of vectors. Feed it in event time: `windows` gives that order."""

    def __init__(self, reference: EmbeddingReference, state: bytes | None = None) -> None:
        """Start anew, or from what `snapshot` gave."""
        kept = None if state is None else msgspec.msgpack.decode(state, type=EmbeddingState)
        self._rows = reference.vectors()
        self._novelties = np.frombuffer(reference.novelties, "<f8")
        self._centres = reference.topic_centres()
        self._mix_table = reference.mix_table()
        self._neighbours = reference.spec.neighbours
        size = len(self._novelties)
        self._novelty_table = novelty_ratios(np.arange(1, size + 2) / (size + 1))
        self._novel = Bank(len(SHARES), reference.novelty_threshold, kept.novelty if kept else None)
        self._mixed = Bank(
            self._mix_table.shape[1], reference.mix_threshold, kept.mix if kept else None
        )
        self._events = kept.events if kept else 0
        self._candidates = kept.candidates if kept else []

    def update(self, event_id: str, at: int, vector: NDArray[np.floating]) -> Seen:
        """Look at one event of event time `at`; a vector [d] of any length."""
        if fault := self._fault(vector):
            return Seen(fault=fault)
        direction = unit(vector)
        strange = float(novelty(self._rows @ direction, self._neighbours))
        rank = len(self._novelties) - int(np.searchsorted(self._novelties, strange))
        closeness = self._centres @ direction
        topic = int(closeness.argmax())
        self._events += 1
        self._remember(event_id, strange, topic, float(closeness[topic]))
        alarms = []
        if self._novel.update(self._novelty_table[rank], self._events, at):
            alarms.append(self._novelty_alarm(at))
        if self._mixed.update(self._mix_table[topic], self._events, at):
            alarms.append(self._mix_alarm(at))
        return Seen(score=(rank + 1) / (len(self._novelties) + 1), alarms=tuple(alarms))

    @property
    def nearness(self) -> float:
        """The evidence for a change as a share of what an alarm takes; above 1 in an alarm."""
        return max(bank.leader()[1] / bank.threshold for bank in (self._novel, self._mixed))

    def snapshot(self) -> bytes:
        """What it remembers; with the same reference, a new detector goes on from there."""
        return msgspec.msgpack.encode(
            EmbeddingState(
                events=self._events,
                novelty=self._novel.state(),
                mix=self._mixed.state(),
                candidates=self._candidates,
            )
        )

    def _fault(self, vector: NDArray[np.floating]) -> Fault | None:
        if vector.shape != self._rows.shape[1:]:
            return "wrong_dimension"
        if not np.isfinite(vector).all():
            return "not_finite"
        return None if vector.any() else "no_direction"

    def _remember(self, event_id: str, strange: float, topic: int, closeness: float) -> None:
        self._candidates.append(Candidate(self._events, event_id, strange, topic, closeness))
        if len(self._candidates) > _CANDIDATES:
            del self._candidates[0]

    def _novelty_alarm(self, at: int) -> Alarm:
        place, value, since, after = self._novel.leader()
        known = sorted(self._after(after), key=lambda one: -one.novelty)
        return Alarm(
            kind="novelty",
            state="began" if self._novel.alarmed else "ended",
            value=value,
            threshold=self._novel.threshold,
            at=at,
            since=since,
            share=SHARES[place],
            examples=tuple(one.event_id for one in known[:EXAMPLES]),
        )

    def _mix_alarm(self, at: int) -> Alarm:
        place, value, since, after = self._mixed.leader()
        topic, growth = divmod(place, len(GROWTHS))
        known = [one for one in self._after(after) if one.topic == topic]
        known.sort(key=lambda one: -one.closeness)
        return Alarm(
            kind="mix",
            state="began" if self._mixed.alarmed else "ended",
            value=value,
            threshold=self._mixed.threshold,
            at=at,
            since=since,
            share=GROWTHS[growth],
            direction="up",
            examples=tuple(one.event_id for one in known[:EXAMPLES]),
        )

    def _after(self, number: int) -> list[Candidate]:
        return [one for one in self._candidates if one.number > number]
