"""One figure of one part of the traffic: its reference, which grows, and its detector.

The first events are the reference. It is fitted as soon as there are enough of them and again when
there are more, up to what a detector takes, for as long as nothing has moved: so a new tenant is
watched early, and well later on. From then on it stands.
"""

from collections import deque
from typing import Literal

import numpy as np
from msgspec import Struct, msgpack
from numpy.typing import NDArray

from processors.drift import embeddings, reference, scalars
from processors.drift.alarm import Alarm, Fault, ReferenceTooSmallError
from schemas.monitoring import Window

Value = float | None | NDArray[np.float32]

_RECENT = 128
"""Event times that are remembered: the most that a drift event counts."""


class StreamSpec(Struct, frozen=True, kw_only=True):
    """Sizes of the reference at which it is fitted, ascending; the last is the largest."""

    vectors: tuple[int, ...] = (100, 200, 500)
    values: tuple[int, ...] = (60, 200, 500)


class Fixed(Struct, kw_only=True):
    """What changes while the reference grows."""

    rows: list[bytes]
    figures: list[float | None]
    """The reference's events, vectors or values; none once it stands."""
    events: int
    start: int
    end: int
    fitted: int
    """Events of the reference that is in force; 0 before the first."""
    fitted_end: int
    """The newest event time among them."""
    vectors: reference.EmbeddingReference | None
    values: scalars.ScalarReference | None


class Moving(Struct, kw_only=True):
    """What changes with every event."""

    detector: bytes | None
    alarmed: list[str]
    recent: list[int]


class Moved(Struct, frozen=True, kw_only=True):
    """An alarm, with the windows that it compares."""

    alarm: Alarm
    reference: Window
    current: Window


Detector = embeddings.EmbeddingDetector | scalars.ScalarDetector


class Stream:
    """Feed it in event time. What it remembers is two blobs, of which one seldom changes."""

    def __init__(
        self,
        kind: Literal["vectors", "values"],
        spec: StreamSpec,
        fixed: bytes | None = None,
        moving: bytes | None = None,
    ) -> None:
        """Start anew, or from what `fixed` and `moving` gave."""
        self._kind = kind
        self._sizes = spec.vectors if kind == "vectors" else spec.values
        self._fixed = (
            Fixed(
                rows=[],
                figures=[],
                events=0,
                start=0,
                end=0,
                fitted=0,
                fitted_end=0,
                vectors=None,
                values=None,
            )
            if fixed is None
            else msgpack.decode(fixed, type=Fixed)
        )
        kept = (
            Moving(detector=None, alarmed=[], recent=[])
            if moving is None
            else msgpack.decode(moving, type=Moving)
        )
        self._alarmed = set(kept.alarmed)
        self._recent = deque(kept.recent, _RECENT)
        self._detector = self._made(kept.detector)
        self.fixed_changed = fixed is None

    @property
    def alarmed(self) -> bool:
        """Whether something has moved and not come back."""
        return bool(self._alarmed)

    @property
    def reference_events(self) -> int:
        """Events of the reference in force."""
        return self._fixed.fitted

    @property
    def nearness(self) -> float:
        """The evidence for a change as a share of what an alarm takes; 0 without a reference."""
        return self._detector.nearness if self._detector is not None else 0.0

    def update(self, event_id: str, at: int, value: Value) -> tuple[Fault | None, list[Moved]]:
        """Look at one event. A vector float32 [d], or a figure; None is a missing one."""
        self._recent.append(at)
        fault: Fault | None = None
        moved: list[Moved] = []
        if self._detector is not None:
            seen = self._detector.update(event_id, at, value)  # type: ignore[arg-type]
            fault = seen.fault
            moved = [self._moved(alarm) for alarm in seen.alarms]
        if self._grows and not self._alarmed:
            self._gather(at, value)
        return fault, moved

    def fixed(self) -> bytes:
        """The reference; `fixed_changed` says whether it is another than it was."""
        self.fixed_changed = False
        return msgpack.encode(self._fixed)

    def moving(self) -> bytes:
        """All else."""
        state = self._detector.snapshot() if self._detector is not None else None
        return msgpack.encode(
            Moving(detector=state, alarmed=sorted(self._alarmed), recent=list(self._recent))
        )

    @property
    def _grows(self) -> bool:
        return self._fixed.events < self._sizes[-1]

    def _gather(self, at: int, value: Value) -> None:
        kept = self._fixed
        if not isinstance(value, np.ndarray):
            kept.figures.append(value)
        elif np.isfinite(value).all() and value.any() and self._fits(value):
            kept.rows.append(value.astype("<f4").tobytes())
        else:
            return
        kept.start = min(kept.start or at, at)
        kept.end = max(kept.end, at)
        kept.events += 1
        self.fixed_changed = True
        if kept.events in self._sizes:
            self._fit()

    def _fits(self, vector: NDArray[np.float32]) -> bool:
        """Whether it is of the dimension of the first."""
        rows = self._fixed.rows
        return not rows or len(rows[0]) == 4 * vector.size

    def _fit(self) -> None:
        kept = self._fixed
        try:
            if self._kind == "vectors":
                rows = np.frombuffer(b"".join(kept.rows), "<f4").reshape(len(kept.rows), -1)
                kept.vectors = reference.fit(rows)
            else:
                kept.values = scalars.fit(kept.figures)
        except ReferenceTooSmallError:
            return  # most are missing: at the next size there may be enough
        kept.fitted, kept.fitted_end = kept.events, kept.end
        if not self._grows:
            kept.rows, kept.figures = [], []
        self._detector = self._made(None)

    def _made(self, state: bytes | None) -> Detector | None:
        if self._fixed.vectors is not None:
            return embeddings.EmbeddingDetector(self._fixed.vectors, state)
        if self._fixed.values is not None:
            return scalars.ScalarDetector(self._fixed.values, state)
        return None

    def _moved(self, alarm: Alarm) -> Moved:
        if alarm.kind in ("novelty", "mix"):
            (self._alarmed.add if alarm.state == "began" else self._alarmed.discard)(alarm.kind)
        kept = self._fixed
        since = [at for at in self._recent if at > alarm.since]
        return Moved(
            alarm=alarm,
            reference=Window(start=kept.start, end=kept.fitted_end + 1, count=kept.fitted),
            current=Window(start=min(alarm.since, alarm.at), end=alarm.at + 1, count=len(since)),
        )
