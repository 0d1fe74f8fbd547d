"""One writer for each archive.

The lock is the JVM's, for it is the JVM that writes: it outlives a driver that is killed with -9 by
some seconds, and in these nobody else may begin. It goes with the process that holds it. Delta
would refuse the second writer's batches in any case; the lock says so before the work is done.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import FreshetError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DYING_S = 30.0
"""How long the JVM of a driver that is gone is waited for."""


class ArchiveInUse(FreshetError):
    """Another process writes this archive."""


def check(path: Path) -> None:
    """Before Spark is started: raises ArchiveInUse when another process holds the lock."""
    deadline = time.monotonic() + DYING_S
    while _is_held(path):
        if (pid := _holder(path)) is not None or time.monotonic() > deadline:
            raise _in_use(path, pid)
        time.sleep(0.2)


@contextmanager
def held(spark: "SparkSession", path: Path) -> Iterator[None]:
    """Hold the lock. Raises ArchiveInUse."""
    from py4j.protocol import Py4JError

    jvm: Any = spark._jvm
    file = jvm.java.io.RandomAccessFile(str(path), "rw")
    lock = file.getChannel().tryLock()
    if lock is None:
        file.close()
        raise _in_use(path, _holder(path))
    try:
        file.setLength(0)
        file.writeBytes(json.dumps({"pid": os.getpid()}))
        yield
    finally:
        with suppress(Py4JError, ConnectionError):  # a JVM that is gone has let go of it
            file.setLength(0)
            file.close()


def _is_held(path: Path) -> bool:
    """By another process: POSIX record locks, as Java's are."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        if isinstance(error, PermissionError) and error.filename:
            raise _not_writable(path, error) from None
        return True
    except OSError as error:
        raise _not_writable(path, error) from None
    return False


def _not_writable(path: Path, error: OSError) -> FreshetError:
    return FreshetError(
        f"{path.parent} cannot be written ({error.strerror}); make it writable, or name another "
        "folder by --out"
    )


def _holder(path: Path) -> int | None:
    """The pid that the file names, if that process lives."""
    from streams.stack.lock import holder

    return holder(path)


def _in_use(path: Path, pid: int | None) -> ArchiveInUse:
    who = "an earlier archive that is still ending" if pid is None else f"process {pid}"
    return ArchiveInUse(
        f"{who} writes to {path.parent}; let it end, or archive into another folder by --out"
    )
