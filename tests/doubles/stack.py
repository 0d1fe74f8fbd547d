"""A stack for tests: run by the real supervisor, in a folder of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from streams.config import ROOT, Settings
from streams.stack import lock, ports, status
from streams.stack.status import PartStatus, StackStatus

ROLES = tuple(Settings().metrics.ports)
FREE = 7 + len(ROLES)


class TestStack:
    """`freshet up` as a child process. Not started until `start`."""

    __test__ = False

    def __init__(self, folder: Path, only: Sequence[str] = (), **changes: dict[str, Any]) -> None:
        self.values = _values(folder, changes)
        self.settings = Settings(**self.values)
        self._only = only
        self._process: subprocess.Popen[str] | None = None

    @property
    def state_dir(self) -> Path:
        """Where its data and logs are."""
        return self.settings.state_dir

    @property
    def environment(self) -> dict[str, str]:
        """For commands that should speak to this stack."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FRESHET_")}
        ours = {
            f"FRESHET_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in self.values.items()
        }
        return {**inherited, **ours}

    @property
    def process(self) -> "subprocess.Popen[str]":
        """The supervisor."""
        assert self._process is not None, "the stack is not started"
        return self._process

    def freshet(self, *arguments: str, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
        """Run the command line to its end."""
        return subprocess.run(
            (sys.executable, "-m", "streams.cli", *arguments),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def begin(self) -> None:
        """Start the supervisor, and do not wait."""
        only = ("--only", ",".join(self._only)) if self._only else ()
        self.state_dir.mkdir(parents=True, exist_ok=True)
        with (self.state_dir / "supervisor.out").open("w") as output:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "streams.cli", "up", *only),
                env=self.environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
            )

    def start(self, within_s: float = 240) -> "TestStack":
        """Start, and wait until every part is ready."""
        self.begin()
        self.wait_until(lambda now: now.ready_in_s is not None and now.is_ready, within_s)
        return self

    def stop(self, within_s: float = 90) -> int:
        """Stop as Ctrl-C does; returns the exit code of the supervisor."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(within_s)

    def said(self) -> str:
        """What the supervisor printed."""
        return (self.state_dir / "supervisor.out").read_text()

    def status(self) -> StackStatus | None:
        """What `freshet status` would show; None when it does not run."""
        return status.read(self.state_dir)

    def part(self, name: str) -> PartStatus:
        """The status of one part."""
        found = self.status()
        assert found is not None, self.said()
        return next(part for part in found.parts if part.name == name)

    def kill(self, name: str) -> int:
        """Kill a part's process with -9; gives the pid that it had."""
        pid = self.part(name).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until(self, holds: Any, within_s: float) -> StackStatus:
        """Wait until the status is as wanted; fails at once when the supervisor has ended."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            now = self.status()
            if now is not None and holds(now):
                return now
            assert self.process.poll() is None, f"the supervisor ended:\n{self.said()}"
            time.sleep(0.1)
        raise AssertionError(f"not within {within_s:g} s; {self.status()}\n{self.said()}")

    def wait_restarted(self, name: str, old_pid: int, within_s: float = 120) -> None:
        """Wait until a part is ready again in another process."""
        self.wait_until(
            lambda now: any(
                p.name == name and p.pid not in (None, old_pid) and p.state == "ready"
                for p in now.parts
            ),
            within_s,
        )

    def family(self) -> list[psutil.Process]:
        """The supervisor and all that it started, directly or not."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def wait_gone(self, family: Sequence[psutil.Process], within_s: float = 30) -> None:
        """Wait until none of these processes is left, and the lock is free."""
        self.process.wait(within_s)
        _, alive = psutil.wait_procs(family, timeout=within_s)
        assert not alive, alive
        assert not lock.is_held(self.state_dir)


def _values(folder: Path, changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    at = [f"127.0.0.1:{port}" for port in free_ports(FREE)]
    values: dict[str, Any] = {
        "state_dir": str(folder / "state"),
        "kafka": {"bootstrap": at[0]},
        "milvus": {"uri": f"http://{at[1]}"},
        "triton": {"http": at[2], "grpc": at[3], "metrics": at[4]},
        "gateway": {"port": int(at[5].rpartition(":")[2])},
        "metrics": {
            "ports": {role: int(at[6 + i].rpartition(":")[2]) for i, role in enumerate(ROLES)}
        },
        # Nobody waits half a minute for what the monitor tells.
        "monitor": {"window_s": 1.0, "lateness_s": 2.0},
    }
    for section, settings in changes.items():
        values[section] = {**values.get(section, {}), **settings}
    return values


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    found: set[int] = set()
    while len(found) < count:
        found.add(ports.free())
    return sorted(found)
