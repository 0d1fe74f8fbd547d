"""Faults, counted and shown."""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

FaultKind = Literal["missing", "left_over", "doubled", "different", "overspent"]
SHOWN = 100


class Fault(msgspec.Struct, frozen=True):
    """One thing that is not as it should be."""

    kind: FaultKind
    what: str
    """Which row, document or offset."""
    message: str = ""


_NONE: dict[FaultKind, int] = dict.fromkeys(get_args(FaultKind), 0)


class Report(msgspec.Struct, kw_only=True):
    """The outcome. `faults` has the first hundred; the counts have them all."""

    as_of: int
    index_version: str
    documents: int = 0
    events: int = 0
    rows: int = 0
    evaluations: int = 0
    waiting: int = 0
    """Responses that the judge has not come to yet."""
    reservations: int = 0
    ends: int = 0
    open: int = 0
    """Reservations of the token ledger that have no end yet, and need none yet."""
    bounds: int = 0
    """How often a bound was held against what counted under it."""
    counts: dict[FaultKind, int] = msgspec.field(default_factory=lambda: dict(_NONE))
    faults: list[Fault] = []

    @property
    def total(self) -> int:
        """How many faults there are."""
        return sum(self.counts.values())

    def note(self, faults: Iterable[Fault]) -> None:
        """Count faults."""
        for fault in faults:
            self.counts[fault.kind] += 1
            if len(self.faults) < SHOWN:
                self.faults.append(fault)
