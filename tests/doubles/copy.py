"""A second copy of a worker, beside the one that the supervisor runs."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Self

from streams.config import ROOT
from streams.stack import ports
from tests.doubles.stack import TestStack


class Copy:
    """Runs within the block. It shares the consumer group, and nothing else, with the first."""

    def __init__(self, stack: TestStack, role: str) -> None:
        self._port = ports.free()
        self._log = stack.state_dir / "logs" / f"{role}-copy.log"
        self._command = (sys.executable, "-m", "streams.role", role)
        self._environment = {
            **stack.environment,
            "FRESHET_WORKER_ID": "copy",
            "FRESHET_METRICS": f'{{"ports": {{"{role}": {self._port}}}}}',
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=log, stderr=log
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def pause(self) -> None:
        """As a machine that sleeps."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """As a machine that wakes."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def wait_ended(self, within_s: float = 30) -> int:
        """Wait until it has ended by itself; gives the exit code. Blocks."""
        assert self._process is not None
        return self._process.wait(within_s)

    def kill(self) -> None:
        """With -9, as a machine that is gone."""
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait_ready(self, within_s: float = 120) -> None:
        """Wait until it has partitions; blocks."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()[-2000:]
            if self._is_ready():
                return
            time.sleep(0.1)
        raise AssertionError(f"not ready within {within_s:g} s\n{self._log.read_text()[-2000:]}")

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/ready", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False
