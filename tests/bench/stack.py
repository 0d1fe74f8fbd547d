"""A stack to measure: the servers first, so that the log can be filled before the workers start."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

from streams.config import ROOT, Settings
from tests.doubles.stack import TestStack, free_ports

SERVERS = ("kafka", "milvus", "triton")
INDEXING = ("indexer", "writer")


class Bench:
    """A running stack."""

    def __init__(self, stack: TestStack) -> None:
        self._stack = stack
        self._children: list[subprocess.Popen[bytes]] = []
        self._logs: list[IO[bytes]] = []
        self._ports: dict[str, int] = {}
        """Where copies show their metrics."""

    @property
    def settings(self) -> Settings:
        """How to speak to it."""
        return self._stack.settings

    def work(self, roles: Sequence[str], within_s: float = 120) -> None:
        """Start workers, and the gateway, as the supervisor would; wait until they are ready."""
        for role in roles:
            self._start(role, role)
        deadline = time.monotonic() + within_s
        for role in roles:
            self._wait_ready(role, deadline)

    def copy(self, role: str, number: int = 1, within_s: float = 120) -> None:
        """Start another worker of a role beside the first; wait until it is ready."""
        name = f"{role}-{number}"
        (self._ports[name],) = free_ports(1)
        ports = self.settings.metrics.ports | {role: self._ports[name]}
        self._start(
            role,
            name,
            FRESHET_WORKER_ID=str(number),
            FRESHET_METRICS=json.dumps({"ports": ports}),
        )
        self._wait_ready(name, time.monotonic() + within_s)

    def _start(self, role: str, name: str, **environment: str) -> None:
        output = (self._stack.state_dir / f"{name}.log").open("ab")
        self._logs.append(output)
        self._children.append(
            subprocess.Popen(
                (sys.executable, "-m", "streams.role", role),
                env=self._stack.environment | environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
        )

    def freshet(self, *arguments: str) -> str:
        """What a command prints. Raises AssertionError where it fails."""
        done = self._stack.freshet(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def scrape(self, role: str) -> dict[str, float]:
        """A worker's metrics by name with labels."""
        with urllib.request.urlopen(f"{self._address(role)}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
        rows = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in rows}

    def processes(self) -> dict[str, psutil.Process]:
        """By name: servers, their children, and workers."""
        found = {"supervisor": psutil.Process(self._stack.process.pid)}
        for role, child in zip(self._roles(), self._children, strict=True):
            found[role] = psutil.Process(child.pid)
        status = self._stack.status()
        for part in status.parts if status else ():
            if part.pid is not None:
                found[part.name] = psutil.Process(part.pid)
        return found

    def stop(self) -> None:
        """End the workers."""
        for child in self._children:
            child.terminate()
        for child in self._children:
            self._stop_child(child)
        for log in self._logs:
            log.close()

    def _stop_child(self, child: "subprocess.Popen[bytes]") -> None:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _roles(self) -> list[str]:
        return [Path(log.name).stem for log in self._logs]

    def _address(self, role: str) -> str:
        settings = self.settings
        known = {"gateway": settings.gateway.port, **settings.metrics.ports, **self._ports}
        return f"http://127.0.0.1:{known[role]}"

    def _wait_ready(self, role: str, deadline: float) -> None:
        path = "/readyz" if role == "gateway" else "/ready"
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self._address(role) + path, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        log = (self._stack.state_dir / f"{role}.log").read_text()[-2000:]
        raise RuntimeError(f"{role} is not ready in time:\n{log}")


@contextmanager
def bench(servers: Sequence[str] = SERVERS, **changes: dict[str, Any]) -> Iterator[Bench]:
    """Servers without workers, in a folder of their own that is deleted afterwards.

    `changes` are settings by section.
    """
    with tempfile.TemporaryDirectory(prefix="freshet-bench-") as folder:
        stack = TestStack(Path(folder), servers, **changes)
        try:
            running = Bench(stack.start())
            try:
                yield running
            finally:
                running.stop()
        finally:
            stack.stop()


def cpu_seconds(running: Bench) -> dict[str, float]:
    """Processor time by process, children included."""
    return {
        name: sum(sum(one.cpu_times()[:2]) for one in family)
        for name, family in _families(running).items()
    }


def memory_mb(running: Bench) -> dict[str, int]:
    """Resident memory by process, children included."""
    return {
        name: round(sum(one.memory_info().rss for one in family) / 2**20)
        for name, family in _families(running).items()
    }


def _families(running: Bench) -> dict[str, list[psutil.Process]]:
    """The supervisor's children are the servers, which have a family each."""
    return {
        name: [process, *(process.children(recursive=True) if name != "supervisor" else ())]
        for name, process in running.processes().items()
    }
