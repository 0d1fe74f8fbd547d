"""The passages that receipts name, read from `index.changes`, as they were."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from processors.index import Access, PassageRow
from schemas.index import IndexChange
from schemas.responses import Receipt
from streams.clients.kafka import LogClient, MissingTopic
from streams.versions.steps import steps


class PastPassages:
    """Implements `PassageReader`, for one index version."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, PassageRow]] = {}

    def add(self, row: PassageRow) -> None:
        """Keep a version of a passage."""
        self._rows.setdefault(row.passage_id, {})[row.version] = row

    async def passages(self, ids: Sequence[str], at: int, access: Access) -> dict[str, PassageRow]:
        """The newest version of each that was there by `at`; of those that are kept."""
        found = {}
        for name in ids:
            past = [version for version in self._rows.get(name, ()) if version <= at]
            if past:
                found[name] = self._rows[name][max(past)]
        return found


class NamedPassages:
    """Those that some receipts name, by index version."""

    def __init__(self) -> None:
        self._wanted: dict[str, set[str]] = {}
        self._found: dict[str, PastPassages] = {}

    def want(self, receipt: Receipt) -> None:
        """Look for those of a receipt, too."""
        self._wanted.setdefault(receipt.index_version, set()).update(receipt.passages)

    async def read(self, log: LogClient) -> None:
        """Find them in the log; what retention has removed is not there."""
        for version, names in self._wanted.items():
            with suppress(MissingTopic):  # a receipt may name anything
                await self._read(log, version, names)

    def get(self, version: str) -> PastPassages:
        """Those of an index version."""
        return self._found.setdefault(version, PastPassages())

    async def _read(self, log: LogClient, version: str, names: set[str]) -> None:
        async for _, step in steps(log, version):
            for part in step.parts:
                for row in _rows(part):
                    if f"{row.passage_id}@{row.version}" in names:
                        self.get(version).add(row)


def _rows(part: IndexChange) -> Iterable[PassageRow]:
    for gained in part.passages_gained:
        yield PassageRow(
            passage_id=gained.passage_id,
            valid_from=part.index_time,
            doc_id=part.doc_id,
            title=part.title or "",
            heading=gained.heading,
            text=gained.text,
            units=gained.units,
        )
