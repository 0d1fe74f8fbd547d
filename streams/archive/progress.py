"""How far an archive is, on stderr: a bar where somebody watches, else a line now and then."""

import sys
import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

EVERY_S = 10.0


class Teller:
    """Tells what is done of what there was to do. Use it as a context manager."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=self._console, disable=not sys.stderr.isatty())
        self._task: TaskID | None = None
        self._told, self._told_at = 0, time.monotonic()

    def __enter__(self) -> "Teller":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, message: str) -> None:
        """A line."""
        self._console.print(f"archive: {message}", highlight=False, markup=False, soft_wrap=True)

    def lost(self, topic: str, new: int, total: int) -> None:
        """Offsets that the log had lost before they could be archived."""
        self.say(
            f"{topic}: {new:,} offsets were gone from the log before they were archived "
            f"({total:,} in all); `freshet archive show` lists them"
        )

    def at(self, done: Mapping[str, int], total: Mapping[str, int] | None = None) -> None:
        """Offsets done and there to do, by topic; without a total there is no end."""
        completed, whole = sum(done.values()), None if total is None else sum(total.values())
        if self._bar.disable or whole is None:
            self._line(completed, whole)
        elif self._task is None:
            self._task = self._bar.add_task("archived", total=whole, completed=completed)
        else:
            self._bar.update(self._task, total=whole, completed=completed)

    def _line(self, completed: int, whole: int | None) -> None:
        if completed == self._told or time.monotonic() - self._told_at < EVERY_S:
            return
        self._told, self._told_at = completed, time.monotonic()
        self.say(f"{completed:,} archived" if whole is None else f"{completed:,} of {whole:,}")
