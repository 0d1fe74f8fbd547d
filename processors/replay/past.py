"""One index version, as it was at any index time: a fold of its `index.changes`."""

from processors.assemble import Assembled, Assembler
from processors.readtime import AppliedHistory
from processors.replay.memory import ReplayIndex
from processors.statistics import Statistics
from processors.version import IndexSpec
from schemas.index import IndexEvent


class Past:
    """What whoever answers knows of an index: its rows, its words, and how far it had come.

    The same folds as the live workers keep, so that equal logs give equal answers. Records of a
    partition come in their order; those of several may come in any.
    """

    def __init__(self, spec: IndexSpec) -> None:
        self.spec = spec
        self.index = ReplayIndex(spec.lexical, spec.dimensions)
        self.statistics = Statistics()
        self.applied = AppliedHistory()
        self._assemblers: dict[int, Assembler] = {}
        self._times: dict[int, int] = {}

    @property
    def known_to(self) -> dict[int, int]:
        """Partition to the index time up to which it was observed."""
        return dict(self._times)

    def add(self, partition: int, event: IndexEvent) -> Assembled | None:
        """Take the next record of a partition; gives the step that it completes.

        What is of another index version is passed over.
        """
        if event.index_version != self.spec.name:
            return None
        step = self._assemblers.setdefault(partition, Assembler()).add(event)
        if step is None:
            return None
        self._times[partition] = step.index_time
        self.applied.note(partition, step.index_time, step.applied)
        if step.parts:
            self.index.observe(step.parts)
            self.statistics.observe(step.parts)
        return step
