"""What each part is doing: written by the supervisor, read by anyone."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from streams.stack import lock

FILE = "status.json"


class State(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    UNWELL = "unwell"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass
class PartStatus:
    """One part. `startup_s` is from its first start to its first readiness, `at_s` from `up`'s."""

    name: str
    address: str
    log: str
    state: State = State.WAITING
    pid: int | None = None
    since: float = field(default_factory=time.time)
    restarts: int = 0
    startup_s: float | None = None
    at_s: float | None = None
    last_end: str | None = None
    rss_mb: float | None = None


@dataclass
class StackStatus:
    """The supervisor and its parts. `ready_in_s` is from the start to the last readiness."""

    pid: int
    started_at: float
    parts: list[PartStatus]
    ready_in_s: float | None = None
    rss_mb: float | None = None

    @property
    def is_ready(self) -> bool:
        """Whether every part is ready."""
        return all(part.state is State.READY for part in self.parts)


def write(state_dir: Path, status: StackStatus) -> None:
    """Replace the status file at once."""
    path = state_dir / FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(status), indent=1))
    os.replace(fresh, path)


def read(state_dir: Path) -> StackStatus | None:
    """The running stack; None when there is none."""
    pid = lock.supervisor(state_dir)
    try:
        written = json.loads((state_dir / FILE).read_text())
    except (OSError, ValueError):
        return None
    if pid is None or written["pid"] != pid:
        return None
    return _with_memory(_load(written))


def _load(written: dict[str, Any]) -> StackStatus:
    parts = [PartStatus(**{**each, "state": State(each["state"])}) for each in written["parts"]]
    return StackStatus(**{**written, "parts": parts})


def _with_memory(status: StackStatus) -> StackStatus:
    for part in status.parts:
        part.rss_mb = _rss_mb(part.pid) if part.pid else None
    status.rss_mb = _rss_mb(status.pid, descendants=False)
    return status


def _rss_mb(pid: int, *, descendants: bool = True) -> float | None:
    """Resident memory of a process, and of all that it started, in MB of a million bytes."""
    import psutil

    try:
        process = psutil.Process(pid)
        family = [process, *(process.children(recursive=True) if descendants else ())]
        return round(sum(int(each.memory_info().rss) for each in family) / 1e6, 1)
    except psutil.Error:
        return None
