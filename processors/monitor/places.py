"""Where one partition of the log is read to, and from where it must be read again."""

from collections import deque


class Reading:
    """A partition in the course of being read. Offsets ascend."""

    def __init__(self, offset: int) -> None:
        """`offset` is the first that will be read."""
        self.next = offset
        self.newest = 0
        """The newest event time that was taken; 0 before the first."""
        self._open: deque[tuple[int, int]] = deque()

    def took(self, offset: int, at: int) -> None:
        """A window took the event at an offset, of an event time."""
        self.newest = max(self.newest, at)
        self._open.append((offset, at))

    def again(self, closed_before: int) -> int:
        """The first offset whose event may wait in an open window, and so is nowhere else kept:
        event times before `closed_before` are closed. Without one, the next to be read."""
        while self._open and self._open[0][1] < closed_before:
            self._open.popleft()
        return self._open[0][0] if self._open else self.next
