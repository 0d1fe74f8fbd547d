"""One stack per state folder.

The lock is a `flock`, so it goes with the processes that hold it. Keepers inherit it: it is free
again only when the supervisor *and* everything that it started are gone, even after kill -9.
"""

import fcntl
import json
import os
import time
from pathlib import Path

from streams.errors import AlreadyRunning, StackError

FILE = "lock"


class StackLock:
    """Held from `acquire` until `release` and the end of every process that inherited `fd`."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FILE
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """The open file that keepers inherit."""
        if self._fd is None:
            raise RuntimeError("the lock is not held")
        return self._fd

    def acquire(self, wait_s: float = 0.0) -> None:
        """Take the lock, waiting for a dying stack. Raises AlreadyRunning or StackError."""
        fd = _open(self.path)
        deadline = time.monotonic() + wait_s
        while not _try(fd):
            pid = holder(self.path)
            if pid is not None or time.monotonic() >= deadline:
                os.close(fd)
                raise AlreadyRunning(_who(self.path, pid))
            time.sleep(0.1)
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"pid": os.getpid()}).encode(), 0)
        self._fd = fd

    def check(self) -> None:
        """Raises AlreadyRunning when `acquire` now would."""
        if (pid := supervisor(self.path.parent)) is not None:
            raise AlreadyRunning(_who(self.path, pid))

    def release(self) -> None:
        """Let go; without effect when not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None


def is_held(state_dir: Path) -> bool:
    """Whether a supervisor, or anything that one started, still runs."""
    path = state_dir / FILE
    if not path.exists():
        return False
    fd = _open(path)
    try:
        return not _try(fd)
    finally:
        os.close(fd)


def supervisor(state_dir: Path) -> int | None:
    """The pid of the running supervisor."""
    return holder(state_dir / FILE) if is_held(state_dir) else None


def holder(path: Path) -> int | None:
    """The pid written in the lock file, if that process lives."""
    try:
        pid = int(json.loads(path.read_text())["pid"])
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return None if state in "ZX" else pid


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StackError(
            f"{path.parent} cannot be written ({error.strerror}); "
            "make it writable or name another folder in FRESHET_STATE_DIR"
        ) from error


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _who(path: Path, pid: int | None) -> str:
    if pid is None:
        return f"an earlier stack in {path.parent} is still stopping; try again in some seconds"
    return (
        f"a stack is already running in {path.parent} (supervisor pid {pid}); "
        "`freshet status` shows it, `freshet down` stops it"
    )
