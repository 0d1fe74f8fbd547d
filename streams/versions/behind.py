"""How far an index version is behind the log, and waiting until it has caught up."""

from collections.abc import Callable
from contextlib import aclosing

from msgspec import Struct

from processors.readtime import Frozen, Progress
from schemas.codec import decode_as
from schemas.index import IndexProgress
from schemas.topics import progress_topic
from streams.clients.kafka import LogClient, MissingTopic

DOCUMENTS = "documents"

Step = Callable[[int, int], None]
"""Is told how many events of `documents` show, and how many there are."""


class Standing(Struct, frozen=True, kw_only=True):
    """How far an index version is."""

    read_time: int | None
    """The latest index time that it can be read at; None before there is one."""
    behind: int
    """How many offsets of `documents` it does not show yet."""
    behind_s: float
    """How long the oldest event that it does not show has been in the log, in seconds."""


async def standing(
    log: LogClient, version: str, now: int, frozen: Frozen | None = None
) -> Standing:
    """How far a version is at `now` (microseconds), behind the log or behind where it stands
    still (`frozen`)."""
    starts, ends = await log.starts(DOCUMENTS), await log.ends(DOCUMENTS)
    progress = await _progress(log, version, len(ends))
    if frozen is not None:
        latest = progress.read_time()
        is_there = latest is not None and latest >= frozen.at
        still = {p: min(end, frozen.applied.get(p, -1) + 1) for p, end in ends.items()}
        ends = {} if is_there else still
    applied = progress.applied()
    next_ = {p: max(starts[p], applied.get(f"{DOCUMENTS}/{p}", -1) + 1) for p in ends}
    since = [
        logged_at
        for partition, offset in next_.items()
        if offset < ends[partition]
        and (logged_at := await _logged_at(log, partition, offset)) is not None
    ]
    return Standing(
        read_time=progress.read_time(),
        behind=sum(max(0, ends[p] - offset) for p, offset in next_.items()),
        behind_s=max((max(0, now - at) / 1e6 for at in since), default=0.0),
    )


async def caught_up(log: LogClient, version: str, step: Step) -> int:
    """Wait until a version shows all that is in `documents` now.

    Gives an index time: whoever reads at it, or later, sees that.
    """
    starts, ends = await log.starts(DOCUMENTS), await log.ends(DOCUMENTS)
    progress = Progress(version, len(ends))
    last = {p: end - 1 for p, end in ends.items() if end > starts[p]}
    total = sum(ends[p] - starts[p] for p in last)
    times: dict[int, int] = {}
    topic = progress_topic(version)
    async with aclosing(log.follow([topic], start="beginning")) as reports:  # type: ignore[type-var]
        async for record in reports:
            if record.value is not None:
                progress.observe(decode_as(IndexProgress, record.value))
            applied = progress.applied()
            shown = (
                min(end, applied.get(f"{DOCUMENTS}/{p}", -1)) + 1 - starts[p]
                for p, end in last.items()
            )
            step(sum(max(0, one) for one in shown), total)
            for partition, end in last.items():
                if (time := progress.shown_at(partition, end)) is not None:
                    times.setdefault(partition, time)
            latest = progress.read_time()
            if latest is not None and len(times) == len(last):
                whole = max(times.values(), default=latest)
                if latest >= whole:
                    return whole
    raise AssertionError("a topic is followed for ever")


async def _progress(log: LogClient, version: str, partitions: int) -> Progress:
    progress = Progress(version, partitions)
    try:
        async for record in log.read(progress_topic(version)):
            if record.value is not None:
                progress.observe(decode_as(IndexProgress, record.value))
    except MissingTopic:
        return progress  # nobody has begun to build it
    return progress


async def _logged_at(log: LogClient, partition: int, offset: int) -> int | None:
    """When the first event at or after an offset was logged, in microseconds."""
    records = log.read(DOCUMENTS, start={partition: offset}, partitions=[partition])
    async with aclosing(records) as reading:
        async for record in reading:
            return record.timestamp_ms * 1000
    return None
