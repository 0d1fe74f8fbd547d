"""An index version that stands still: what it is to show, and waiting until it does."""

from contextlib import aclosing

from processors.readtime import AppliedHistory, Frozen, Progress
from schemas.codec import decode_as
from schemas.control import IndexVersion
from schemas.index import IndexProgress
from schemas.times import format_time
from schemas.topics import changes_topic, progress_topic
from streams.clients.kafka import LogClient
from streams.errors import FreshetError
from streams.replay.source import Source
from streams.versions.behind import DOCUMENTS, Step
from streams.versions.steps import steps


class NoSuchState(FreshetError):
    """It cannot be told any more what the documents were at that time."""


async def shown_at(
    source: Source, base: IndexVersion, as_of: int, oldest: int = 0
) -> dict[str, int]:
    """`documents/PARTITION` to the last offset that `base` showed at an index time (µs).

    Raises:
        NoSuchState: it was not whole then, has not come so far in `source`, or what the
            documents said then may be gone (before `oldest`).
        MissingTopic: `source` has nothing of it.
    """
    when = format_time(as_of)
    if as_of < oldest:
        raise NoSuchState(
            f"{when} lies beyond the horizon (limits.horizon_ms): the log no longer has the texts "
            "that were replaced since; an archive may have them: --archive"
        )
    if base.complete_from is None or as_of < base.complete_from:
        raise NoSuchState(
            f"{base.name} was not whole at {when}; --from names another index version, by which to "
            "tell what the documents were then"
        )
    history = AppliedHistory()
    times = dict.fromkeys(await source.spans(changes_topic(base.name)), 0)
    async for partition, step in steps(source, base.name):
        history.note(partition, step.index_time, step.applied)
        times[partition] = max(times[partition], step.index_time)
    if min(times.values(), default=0) < as_of:
        raise NoSuchState(f"in the {source.name}, {base.name} has not come to {when} yet")
    return history.at(as_of)


async def stood_still(log: LogClient, version: str, frozen: Frozen, step: Step) -> int:
    """Wait until a version shows what it is to show; gives the index time where it stands."""
    starts, ends = await log.starts(DOCUMENTS), await log.ends(DOCUMENTS)
    first = {p: starts[p] for p in ends if frozen.applied.get(p, -1) >= starts[p]}
    total = sum(frozen.applied[p] + 1 - at for p, at in first.items())
    progress = Progress(version, len(ends))
    reports = log.follow([progress_topic(version)], start="beginning")
    async with aclosing(reports) as following:  # type: ignore[type-var]
        async for record in following:
            if record.value is not None:
                progress.observe(decode_as(IndexProgress, record.value))
            latest = progress.read_time()
            if latest is not None and latest >= frozen.at:
                step(total, total)
                return latest
            applied = progress.applied()
            shown = (applied.get(f"{DOCUMENTS}/{p}", -1) + 1 - at for p, at in first.items())
            step(sum(max(0, one) for one in shown), total)
    raise AssertionError("a topic is followed for ever")
