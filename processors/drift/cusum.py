"""A bank of CUSUMs: one for each change that is looked for, the highest decides.

Page (1954), "Continuous inspection schemes"; for a bank, Lorden (1971), "Procedures for reacting
to a change in distribution". Each sums the log-likelihood ratio of its change and starts anew at
zero; where it last stood at zero estimates when the change began.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Ratios = NDArray[np.float64]

_CAP = 1.25
"""Of the threshold: how high a sum can climb, so that an alarm ends soon after its cause."""
CLEAR = 0.5
"""Of the threshold: below it an alarm has ended."""


class BankState(Struct, kw_only=True):
    """All that a bank remembers."""

    sums: list[float]
    since: list[int]
    """The event time of each sum's last zero."""
    after: list[int]
    """The number of the event of each sum's last zero."""
    alarmed: bool = False


class Bank:
    """`size` sums, watched against one threshold (in nats)."""

    def __init__(self, size: int, threshold: float, state: BankState | None = None) -> None:
        self.threshold = threshold
        self._sums = np.zeros(size) if state is None else np.array(state.sums)
        self._since = np.zeros(size, np.int64) if state is None else np.array(state.since)
        self._after = np.zeros(size, np.int64) if state is None else np.array(state.after)
        self._alarmed = state is not None and state.alarmed

    def update(self, ratios: Ratios, number: int, at: int) -> bool:
        """Add one event's log-likelihood ratios [size]. True when an alarm begins or ends."""
        np.add(self._sums, ratios, out=self._sums)
        np.clip(self._sums, 0.0, _CAP * self.threshold, out=self._sums)
        at_zero = self._sums == 0.0
        self._since[at_zero] = at
        self._after[at_zero] = number
        was, bound = self._alarmed, CLEAR if self._alarmed else 1.0
        self._alarmed = bool(self._sums.max() >= bound * self.threshold)
        return self._alarmed != was

    @property
    def alarmed(self) -> bool:
        """Whether the change is still going on."""
        return self._alarmed

    def leader(self) -> tuple[int, float, int, int]:
        """The highest sum: its place, its value, and the time and the number of its last zero."""
        place = int(self._sums.argmax())
        value = float(self._sums[place])
        return place, value, int(self._since[place]), int(self._after[place])

    def state(self) -> BankState:
        """A copy of what it remembers."""
        return BankState(
            sums=self._sums.tolist(),
            since=self._since.tolist(),
            after=self._after.tolist(),
            alarmed=self._alarmed,
        )
