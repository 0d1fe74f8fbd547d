"""At which index time a question is read, and whether it has come yet."""

from bisect import bisect_right
from collections import defaultdict

from msgspec import Struct

from schemas.index import IndexProgress
from schemas.queries import Query
from schemas.responses import ErrorType
from schemas.times import InvalidTime, format_time, parse_time


class ReadRefused(Exception):
    """The question asks for a state of the index that there is not, and why."""

    def __init__(self, error_type: ErrorType, message: str) -> None:
        super().__init__(message)
        self.type: ErrorType = error_type


class Progress:
    """A fold of `index.progress` for one index version."""

    def __init__(self, index_version: str, partitions: int) -> None:
        self._version = index_version
        self.partitions = partitions
        self._latest: dict[int, IndexProgress] = {}

    def observe(self, progress: IndexProgress) -> None:
        """Take the next record; one that goes back in time is passed over."""
        if progress.index_version != self._version:
            return
        latest = self._latest.get(progress.partition)
        if latest is None or progress.index_time > latest.index_time:
            self._latest[progress.partition] = progress

    def read_time(self) -> int | None:
        """The latest time at which every partition can be read; None before there is one."""
        if len(self._latest) < max(self.partitions, 1):
            return None
        return min(progress.index_time for progress in self._latest.values())

    def applied(self) -> dict[str, int]:
        """`documents/PARTITION` to the last offset that the index shows."""
        return {
            f"documents/{partition}": self._latest[partition].applied
            for partition in sorted(self._latest)
        }

    def shown_at(self, partition: int, offset: int) -> int | None:
        """A time from which an event of `documents` shows; None while it is not applied."""
        latest = self._latest.get(partition)
        if latest is None or latest.applied < offset:
            return None
        return latest.index_time


class AppliedHistory:
    """Up to which event of `documents` each partition had come, at any index time."""

    def __init__(self) -> None:
        self._times: defaultdict[int, list[int]] = defaultdict(list)
        self._offsets: defaultdict[int, list[int]] = defaultdict(list)

    def note(self, partition: int, index_time: int, applied: int) -> None:
        """Take the next step of a partition; times grow within it."""
        offsets = self._offsets[partition]
        if applied > (offsets[-1] if offsets else -1):
            self._times[partition].append(index_time)
            offsets.append(applied)

    def at(self, time: int) -> dict[str, int]:
        """`documents/PARTITION` to the last offset that a read at an index time shows.

        A partition of which it shows nothing is left out.
        """
        steps = {p: bisect_right(self._times[p], time) for p in sorted(self._times)}
        return {
            f"documents/{partition}": self._offsets[partition][count - 1]
            for partition, count in steps.items()
            if count
        }


class Frozen(Struct, frozen=True):
    """Where an index version stands still."""

    at: int
    """The index time (µs) of everything that it shows, at the latest."""
    applied: dict[int, int]
    """Partition of `documents` to the last offset that it shows; none of a partition left out."""

    def shows(self, partition: int, offset: int) -> bool:
        """Whether it ever shows an event of `documents`."""
        return offset <= self.applied.get(partition, -1)


class Wanted(Struct, frozen=True, kw_only=True):
    """The bounds that a question puts on its read time."""

    as_of: int | None
    after: tuple[int, int] | None
    max_staleness_us: int | None


def wanted(
    query: Query,
    now: int,
    horizon_us: int,
    partitions: int,
    complete_from: int | None = 0,
    frozen: Frozen | None = None,
) -> Wanted:
    """Read a question's bounds.

    `complete_from` is the index time from which the index shows all that was in the log before it
    was built; None while it is being built. `frozen` is where it stands still, if it does: what it
    will never show is refused at once.

    Raises:
        ReadRefused: they ask for the future, for what is beyond the horizon, or for nonsense.
    """
    as_of, bound = query.as_of, query.max_staleness_ms
    if frozen is not None:
        horizon_us = now  # what it shows is never dropped
    found = Wanted(
        as_of=None if as_of is None else _as_of(as_of, now, horizon_us, complete_from),
        after=_after(query, partitions),
        max_staleness_us=None if bound is None else bound * 1000,
    )
    if frozen is not None:
        _check_frozen(found, frozen, now)
    return found


class Waiter:
    """Says, as progress comes, at which time a question can be read."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._target: int | None = None

    def at(self, progress: Progress, now: int) -> int | None:
        """The read time; None while it has not come."""
        latest = progress.read_time()
        if latest is None or not self._after_shows(progress, latest):
            return None
        if self._wanted.as_of is not None:
            return self._wanted.as_of if self._wanted.as_of <= latest else None
        bound = self._wanted.max_staleness_us
        return None if bound is not None and now - latest > bound else latest

    def lacking(self) -> tuple[ErrorType, str]:
        """What to tell somebody who has waited long enough."""
        if self._wanted.after is not None and self._target is None:
            partition, offset = self._wanted.after
            return "after_timeout", f"documents/{partition}@{offset} is not in the index yet"
        return "stale", "the index is further behind than the question allows"

    def _after_shows(self, progress: Progress, latest: int) -> bool:
        if self._wanted.after is None:
            return True
        if self._target is None:
            self._target = progress.shown_at(*self._wanted.after)
        return self._target is not None and latest >= self._target


def _check_frozen(wanted: Wanted, frozen: Frozen, now: int) -> None:
    still = f"the index version in use stands still at {format_time(frozen.at)}"
    if wanted.as_of is not None and wanted.as_of > frozen.at:
        raise ReadRefused("as_of_in_future", f"{still}: it has no later states")
    if wanted.after is not None and not frozen.shows(*wanted.after):
        partition, offset = wanted.after
        message = f"{still}, and will never show documents/{partition}@{offset}"
        raise ReadRefused("after_timeout", message)
    bound = wanted.max_staleness_us
    if bound is not None and now - frozen.at > bound:
        raise ReadRefused("stale", f"{still}, further back than the question allows")


def _as_of(as_of: str | int, now: int, horizon_us: int, complete_from: int | None) -> int:
    try:
        time = parse_time(as_of) if isinstance(as_of, str) else as_of
    except InvalidTime as error:
        raise ReadRefused("invalid_query", f"$.as_of: {error}") from None
    if time > now:
        raise ReadRefused("as_of_in_future", "as_of lies in the future")
    if time < now - horizon_us:
        days = horizon_us / 86_400_000_000
        raise ReadRefused("as_of_beyond_horizon", f"as_of lies more than {days:g} days back")
    if complete_from is None:
        message = "the index version in use is still being built: it has no earlier states"
        raise ReadRefused("as_of_beyond_horizon", message)
    if time < complete_from:
        since = format_time(complete_from)
        message = f"the index version in use has no state before {since}, when it was first whole"
        raise ReadRefused("as_of_beyond_horizon", message)
    return time


def _after(query: Query, partitions: int) -> tuple[int, int] | None:
    if (after := query.after) is None:
        return None
    if after.topic != "documents" or not 0 <= after.partition < partitions:
        raise ReadRefused("invalid_query", "$.after: is not the receipt of a document write")
    return after.partition, after.offset
