"""`freshet dashboards` beside a stack for tests, and what its Prometheus says."""

import json
import math
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from streams.config import ROOT
from streams.stack import status
from tests.doubles.stack import TestStack, free_ports

needed = pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="no prometheus: Debian has it in a package of that name, which .ci/run installs",
)


class TestDashboards:
    """`freshet dashboards` as a child process."""

    __test__ = False

    def __init__(self, stack: TestStack, folder: Path) -> None:
        names = ("prometheus_port", "reports_port", "grafana_port")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.home = stack.state_dir / "dashboards"
        self.output = folder / "dashboards.out"
        chosen = json.dumps({**self.ports, "scrape_interval_s": 1.0})
        self.environment = {**stack.environment, "FRESHET_DASHBOARDS": chosen}
        self.process: subprocess.Popen[str] | None = None

    def command(self, *options: str) -> tuple[str, ...]:
        """What is typed."""
        return (sys.executable, "-m", "streams.cli", "dashboards", *options)

    def start(self, within_s: float = 120) -> "TestDashboards":
        """Start, and wait until each is ready."""
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                self.command(),
                env=self.environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                text=True,
            )
        deadline = time.monotonic() + within_s
        while (now := status.read(self.home)) is None or now.ready_in_s is None:
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        return self

    def again(self) -> "subprocess.CompletedProcess[str]":
        """The command a second time, to its end."""
        return subprocess.run(
            self.command(),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def said(self) -> str:
        """What it printed."""
        return self.output.read_text()

    def stop(self, within_s: float = 30) -> list[psutil.Process]:
        """Stop as Ctrl-C does; gives what is left of all that it had started."""
        assert self.process is not None
        if self.process.poll() is not None:
            return []
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(within_s)
        _, alive = psutil.wait_procs(family, timeout=1)
        return alive

    def url(self, name: str) -> str:
        """Where one of them listens."""
        return f"http://127.0.0.1:{self.ports[f'{name}_port']}"


async def ask(http: httpx.AsyncClient, expr: str) -> list[float]:
    """The values that an expression has now; `http` speaks to a Prometheus."""
    asked = expr.replace("$__rate_interval", "20s")
    answer = await http.get("/api/v1/query", params={"query": asked})
    body: dict[str, Any] = answer.json()
    assert body["status"] == "success", f"{expr}: {body}"
    return [float(one["value"][1]) for one in body["data"]["result"]]


def is_known(values: list[float]) -> bool:
    """Whether there is a number among them."""
    return any(not math.isnan(value) for value in values)
