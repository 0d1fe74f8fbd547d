"""One log file per part, kept within bounds."""

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

MOST_BYTES = 20_000_000
_POLL_S = 0.3
_TAIL_BYTES = 1_000_000
_LOOK_BACK = 200
_LAST = 6
_MOST_COLUMNS = 300
_ERROR = re.compile(r"error|exception|fatal|unavailable", re.IGNORECASE)


def path(state_dir: Path, part: str) -> Path:
    """Where a part writes."""
    return state_dir.resolve() / "logs" / f"{part}.log"


@contextmanager
def opened(log: Path) -> Iterator[IO[bytes]]:
    """The file, for a child to append to."""
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log)
    with log.open("ab") as file:
        yield file


def rotate(log: Path, most_bytes: int = MOST_BYTES) -> None:
    """Move what has grown too long to `LOG.1`. A process that appends to the file may go on."""
    if log.exists() and log.stat().st_size > most_bytes:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def tail(log: Path, lines: int) -> list[str]:
    """The last lines; none when there is no file."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace").splitlines()[-lines:] if lines else []


def telling(log: Path) -> list[str]:
    """The lines near the end that speak of errors, and the last ones: why a part ended."""
    lines = tail(log, _LOOK_BACK)
    before, last = lines[:-_LAST], lines[-_LAST:]
    errors = [line for line in before if _ERROR.search(line)][-_LAST:]
    return [line[:_MOST_COLUMNS] for line in (*errors, *last)]


def follow(logs: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """(part, line) for each line that is written from now on, for ever."""
    sizes = {part: log.stat().st_size if log.exists() else 0 for part, log in logs.items()}
    while True:
        for part, log in logs.items():
            lines, sizes[part] = read_from(log, sizes[part])
            yield from ((part, line) for line in lines)
        time.sleep(_POLL_S)


def read_from(log: Path, at: int) -> tuple[list[str], int]:
    """The whole lines from byte `at` on, and where to read next; from 0 when it was truncated."""
    if not log.exists():
        return [], 0
    with log.open("rb") as file:
        file.seek(at if at <= log.stat().st_size else 0)
        start, written = file.tell(), file.read()
    whole = written[: written.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), start + len(whole)
