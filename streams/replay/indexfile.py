"""The changes of one index version in a file, which every task of a replay maps into memory.

Arrow's IPC format, a row for each step of a partition: a whole change with all of its parts, or
none, where events were handled that change nothing.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from schemas.index import IndexChange
from streams.replay.runfiles import whole

_SCHEMA = pa.schema(
    [
        ("partition", pa.int32()),
        ("index_time", pa.int64()),
        ("applied", pa.int64()),
        ("parts", pa.binary()),
    ]
)
_BATCH_BYTES = 8 * 1024 * 1024


class Step(NamedTuple):
    """A step of one partition; `parts` is empty where nothing changed."""

    partition: int
    index_time: int
    applied: int
    parts: Sequence[IndexChange]


class Written(NamedTuple):
    """What a file came to hold."""

    changes: int
    units_embedded: int
    """How many units were new at their time: what the version cost from nothing."""


async def write(path: Path, steps: AsyncIterator[Step]) -> Written:
    """Write steps, in their order. Raises NoRoom, and leaves no file then."""
    changes = units = 0
    with whole(path) as unfinished, _Writer(unfinished) as into:
        async for step in steps:
            changes += bool(step.parts)
            units += step.parts[0].units_embedded if step.parts else 0
            into.add(step)
    return Written(changes, units)


def read(path: Path) -> Iterator[Step]:
    """The steps of a file, in their order."""
    with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as file:
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            columns = [batch.column(name) for name in ("partition", "index_time", "applied")]
            for row, parts in enumerate(batch.column("parts")):
                partition, time, applied = (column[row].as_py() for column in columns)
                yield Step(partition, time, applied, _decode(parts.as_buffer()))


class _Writer:
    """Rows gathered into batches of some megabytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[tuple[int, int, int, bytes]] = []
        self._bytes = 0

    def __enter__(self) -> "_Writer":
        self._file = pa.OSFile(str(self._path), "wb")
        self._into = pa.ipc.new_file(self._file, _SCHEMA)
        return self

    def add(self, step: Step) -> None:
        encoded = _encode(step.parts)
        self._rows.append((step.partition, step.index_time, step.applied, encoded))
        self._bytes += len(encoded)
        if self._bytes >= _BATCH_BYTES:
            self._flush()

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
            self._into.close()
        finally:
            self._file.close()

    def _flush(self) -> None:
        if self._rows:
            columns = [list(column) for column in zip(*self._rows, strict=True)]
            self._into.write_batch(pa.record_batch(columns, schema=_SCHEMA))
            self._rows, self._bytes = [], 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[IndexChange]).decode
