"""How far back the ledger has to be read to know what counts now."""

from processors.ledger.ledger import REMEMBERED
from processors.ledger.windows import LENGTH
from schemas.control import Budget, ControlEvent, Quota

LONGEST_HOLD = REMEMBERED
"""A request is under way for minutes at most."""
_MONTH = 31 * LENGTH["day"]


class Reach:
    """Grows with the longest window of any bound that was ever set; in microseconds."""

    def __init__(self) -> None:
        self._window = 0

    def note(self, event: ControlEvent) -> None:
        """Take a change of `control`, one that no longer counts as well."""
        if isinstance(event, Budget):
            self._window = max(self._window, _window(event))
        elif isinstance(event, Quota):
            self._window = max(self._window, LENGTH["day"])

    @property
    def length(self) -> int:
        """An entry older than this changes nothing any more."""
        return self._window + LONGEST_HOLD + REMEMBERED


def _window(budget: Budget) -> int:
    length = LENGTH[budget.window]
    if budget.burst is not None:
        drained = budget.burst / budget.limit if budget.limit else float("inf")
        return int(min(length * max(1.0, drained), 4 * _MONTH))
    return _MONTH if budget.window == "month" else 2 * length
