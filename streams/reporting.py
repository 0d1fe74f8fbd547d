"""What the document commands print: results on stdout, progress and complaints on stderr."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from streams.loading import Round
from streams.receipts import format_receipt


class Reporter:
    """Prints rounds, and remembers whether all went well."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.has_failed = False

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar on stderr; the function it gives moves it on by one."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total)
            yield lambda: bar.advance(task)

    @contextmanager
    def place(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr; the function it gives is told how much of how much is done."""
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def say(self, message: str) -> None:
        """A line on stderr."""
        print(message.encode(errors="backslashreplace").decode(), file=sys.stderr)

    def writes(self, done: Round) -> None:
        """A receipt a line, with the index time from which it shows where that was waited for."""
        self._complain(done)
        for write in done.written:
            receipt = format_receipt(write.position)
            index_time = None if done.shown is None else done.shown[write.position.partition]
            if self._as_json:
                line = {"doc_id": write.doc_id, "receipt": receipt, "deleted": write.is_deletion}
                shown = {} if index_time is None else {"index_time": index_time}
                print(json.dumps({**line, **shown}))
            else:
                print(receipt if index_time is None else f"{receipt}\t{index_time}")
            if index_time is not None and write.is_deletion:
                self.say(
                    f"{write.doc_id}: deleted at {receipt}; no read at or after index time "
                    f"{index_time} can see it, and every new read is"
                )

    def summary(self, done: Round) -> None:
        """How much was sent, and the last receipt of each partition."""
        self._complain(done)
        receipts = [format_receipt(position) for position in done.last]
        written = len(done.written) - done.deleted
        if self._as_json:
            found = {
                "written": written,
                "deleted": done.deleted,
                "skipped": [{"name": name, "why": why} for name, why in done.skipped],
                "receipts": receipts,
            }
            shown = {} if not done.shown else {"index_time": max(done.shown.values())}
            print(json.dumps({**found, **shown}), flush=True)
            return
        print(f"{written} written, {done.deleted} deleted, {len(done.skipped)} skipped", flush=True)
        for receipt in receipts:
            print(receipt, flush=True)
        if done.shown:
            print(f"index time {max(done.shown.values())}", flush=True)

    def _complain(self, done: Round) -> None:
        if done.late is not None:
            self.has_failed = True
            self.say(f"freshet: {done.late}")
        for name, why in done.skipped:
            self.has_failed = True
            self.say(f"skipped {name}: {why}")
