"""How things stand with the monitor, as metrics."""

from collections import Counter

from monitoring import metrics
from processors.feedback.agreement import Agreement
from processors.monitor.monitor import Monitor
from processors.monitor.observations import ANSWERS
from streams.workers import measures


class Shown:
    """What the metrics have of a monitor and of the agreement with people."""

    def __init__(self, monitor: Monitor, agreement: Agreement) -> None:
        self._monitor = monitor
        self._agreement = agreement
        self._firing: set[tuple[str, str]] = set()
        """Rules and severities whose count of firing alerts the metrics have."""

    def update(self, now: int) -> None:
        """Bring the metrics to where things stand at `now` (microseconds)."""
        for state in self._monitor.states():
            measures.drift_state(*state)
        for (figure, outcome), count in self._monitor.counts.items():
            measures.observed(figure, outcome, count)
        self._monitor.counts.clear()
        self._show_firing()
        closed = self._monitor.closed_before(ANSWERS)
        if closed:
            measures.behind((now - closed) / 1e6)
        total = next(one for one in self._agreement.figures() if one.judge is None)
        bins = {
            name: (one.predicted, one.observed)
            for name, one in zip(metrics.BINS, total.reliability, strict=True)
            if one.predicted is not None and one.observed is not None
        }
        measures.agreement(total.kappa, total.table.pairs, bins)

    def _show_firing(self) -> None:
        now = Counter[tuple[str, str]]()
        now.update((alert.rule, alert.severity) for alert in self._monitor.firing())
        for rule, severity in self._firing | now.keys():
            measures.firing(rule, severity, now[rule, severity])
        self._firing |= now.keys()
