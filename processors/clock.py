"""Index time: a hybrid clock that follows the wall clock and never stands still or goes back.

Source: Kulkarni et al., "Logical Physical Clocks" (2014), with the logical part folded into
the microseconds, since a partition has one writer.
"""


class IndexClock:
    """Gives out strictly growing index times (microseconds since the epoch), per partition."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def observe(self, partition: int, index_time: int) -> None:
        """Take note of a time found in the log: later ones will be greater."""
        self._last[partition] = max(self._last.get(partition, 0), index_time)

    def latest(self) -> int:
        """The greatest time of any partition; 0 before the first."""
        return max(self._last.values(), default=0)

    def next(self, partition: int, now: int, *, above: int = 0) -> int:
        """A time above all given out for `partition` and above `above`; `now` if it can be."""
        time = max(now, self._last.get(partition, 0) + 1, above + 1)
        self._last[partition] = time
        return time
