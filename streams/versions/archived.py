"""An index version that stands still further back than the log reaches, made from the archive.

Its changes are worked out as a replay works them out, into a file. Only when that is whole do they
go into the version's own topic, and only then does `control` name it: its indexer finds that all is
done, and its writer fills the index as it would for any other. A build that was interrupted goes
on: what is in the topic already must be the beginning of what is to be there.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from processors.control import Control
from processors.index import OPEN
from processors.version import IndexSpec
from schemas.index import IndexChange, IndexEvent, IndexTick
from schemas.times import format_time
from schemas.topics import changes_topic
from streams.clients.kafka import LogClient
from streams.errors import FreshetError
from streams.indexchanges import submit
from streams.replay.histories import History
from streams.replay.indexes import rebuilt, remember
from streams.replay.indexfile import read
from streams.replay.prepare import Means, same_vectors
from streams.versions.asof import NoSuchState
from streams.versions.behind import DOCUMENTS
from streams.versions.steps import steps

_AT_ONCE = 256
"""Records that are under way to the log."""


class OtherBuild(FreshetError):
    """The topic of the version holds what another build has put there."""


class Still(NamedTuple):
    """Where a version is to stand still."""

    base: str
    """The version by which to tell what the documents were then."""
    at: int
    """An index time, in microseconds."""
    applied: Mapping[str, int]
    """`documents/PARTITION` to the last offset that it shows."""

    def last(self, partition: int) -> int:
        """The last offset of a partition of `documents` that it shows; -1 where there is none."""
        return self.applied.get(f"{DOCUMENTS}/{partition}", -1)


class _Done(NamedTuple):
    """What the topic holds of one partition."""

    changes: list[bytes]
    """A digest of each."""
    ticks: list[int]


async def put(log: LogClient, means: Means, control: Control, spec: IndexSpec, still: Still) -> int:
    """Put every change of a version into its topic, which must be there; gives how many.

    Raises:
        NoSuchState: the archive lacks versions of documents that showed then, or is of another log.
        OtherBuild: the topic holds something else.
        ChangesGone, MissingTopic: the archive lacks what `base` made of the documents.
        ClientError: the embedder does not answer.
    """
    ends = await log.ends(DOCUMENTS)
    _check_log(still, ends)
    history = History(means.source, still.base, still.at)
    await history.check()
    means.say("reading what is embedded already")
    await remember(means.source, same_vectors(control, spec.embedder), OPEN, means.store)
    means.say(f"making {spec.name} of the documents")
    means.settings.state_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=means.settings.state_dir, prefix="build-") as folder:
        path = Path(folder) / f"{spec.name}.arrow"
        await rebuilt(
            history,
            spec,
            path,
            known=means.store,
            embedder=means.embedders(spec),
            partitions=len(ends),
        )
        if history.whole_from > still.at:
            raise NoSuchState(
                f"the archive lacks documents that showed at {format_time(still.at)}: it was begun "
                "when the log had them no longer"
            )
        means.say(f"putting its changes into {changes_topic(spec.name)}")
        return await _put_all(log, spec, still, path, len(ends))


async def _put_all(
    log: LogClient, spec: IndexSpec, still: Still, path: Path, partitions: int
) -> int:
    done = await _done(log, spec.name, partitions)
    count = [0] * partitions
    time = [0] * partitions

    async def events() -> AsyncIterator[tuple[int, IndexEvent]]:
        for step in read(path):
            number, time[step.partition] = count[step.partition], step.index_time
            count[step.partition] += 1
            there = done[step.partition].changes[number : number + 1]
            if there and there != [_digest(step.parts)]:
                raise _other(spec)
            for part in () if there else step.parts:
                yield step.partition, part
        for tick in _ticks(spec, still, time):
            yield tick

    _check_times(spec, still, done)
    await _send(log, changes_topic(spec.name), events())
    if any(len(one.changes) > count[partition] for partition, one in enumerate(done)):
        raise _other(spec)
    return sum(count)


def _ticks(spec: IndexSpec, still: Still, time: list[int]) -> Iterator[tuple[int, IndexTick]]:
    """The last event of each partition; one whose last change is of that very time needs none."""
    for partition, latest in enumerate(time):
        if latest < still.at:
            yield (
                partition,
                IndexTick(
                    index_version=spec.name,
                    index_time=still.at,
                    applied=still.last(partition),
                ),
            )


async def _send(log: LogClient, topic: str, events: AsyncIterator[tuple[int, IndexEvent]]) -> None:
    """Every event in its order, some at a time. What is sent twice counts once."""
    pending = []
    async for partition, event in events:
        pending.append(await submit(log, topic, partition, event))
        if len(pending) >= _AT_ONCE:
            await asyncio.gather(*pending)
            pending.clear()
    await asyncio.gather(*pending)


async def _done(log: LogClient, version: str, partitions: int) -> list[_Done]:
    found = [_Done([], []) for _ in range(partitions)]
    async for partition, step in steps(log, version):
        if step.parts:
            found[partition].changes.append(_digest(step.parts))
        else:
            found[partition].ticks.append(step.index_time)
    return found


def _check_log(still: Still, ends: Mapping[int, int]) -> None:
    for partition, end in ends.items():
        if (last := still.last(partition)) >= end:
            raise NoSuchState(
                f"the archive is of another log: it has documents/{partition}@{last}, and this log "
                f"ends at {end}"
            )


def _check_times(spec: IndexSpec, still: Still, done: list[_Done]) -> None:
    """A tick ends a build: no change of it could come behind one of another time."""
    if any(tick != still.at for one in done for tick in one.ticks):
        raise _other(spec)


def _digest(parts: Sequence[IndexChange]) -> bytes:
    return sha256(b"".join(map(_encode, parts))).digest()


def _other(spec: IndexSpec) -> OtherBuild:
    return OtherBuild(
        f"{changes_topic(spec.name)} holds the beginning of another build, which did not come to "
        "its end: give the same command as then, or choose another name"
    )


_encode = msgspec.json.Encoder(order="deterministic").encode
