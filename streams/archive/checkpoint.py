"""How far Spark has read a topic, from the files of its checkpoint.

`offsets/N` says where batch N ends and is written before it; `commits/N` is written after it. All
are replaced whole, so none is ever read half-written.
(Spark: Structured Streaming, `HDFSMetadataLog`, `OffsetSeqLog`.)
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

Offsets = dict[int, int]
"""By partition: the offset of the next record."""

_SOURCE = 2
"""The line of `offsets/N` that holds the one source: after the version and the batch's settings."""


class Range(NamedTuple):
    """Offsets [begin, end) of one partition."""

    partition: int
    begin: int
    end: int


class Checkpoint:
    """Of one topic, which the broker knows as `name`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def positions(self) -> Offsets | None:
        """Up to where batches have been committed; None before the first."""
        done = self._last("commits")
        return None if done is None else self._at(done)

    def writer(self) -> str:
        """The id that Spark gave to this checkpoint: with a batch's number it names a batch."""
        return str(json.loads((self._folder / "metadata").read_text())["id"])

    def ranges(self, batch: int) -> list[Range]:
        """What a batch reads. Before the first one, all of a partition counts as unread."""
        begins = self._at(batch - 1) if batch > 0 else {}
        return [
            Range(partition, begins.get(partition, 0), end)
            for partition, end in sorted(self._at(batch).items())
        ]

    def _last(self, of: str) -> int | None:
        numbers = (path.name for path in (self._folder / of).glob("*"))
        return max((int(name) for name in numbers if name.isdigit()), default=None)

    def _at(self, batch: int) -> Offsets:
        lines = (self._folder / "offsets" / str(batch)).read_text().splitlines()
        by_topic: Mapping[str, Mapping[str, int]] = json.loads(lines[_SOURCE])
        found = by_topic.get(self._name, {})
        return {int(partition): offset for partition, offset in found.items()}
