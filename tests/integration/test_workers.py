"""Workers as processes, beside the shared stack but in topics and collections of their own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from streams.config import ROOT
from tests.doubles.stack import TestStack, free_ports

ROLES = ("indexer", "writer", "admission", "answerer")


@pytest.fixture
def environment(stack: TestStack, tmp_path: Path) -> dict[str, str]:
    """Settings of workers that share Kafka, Milvus and Triton with the stack, and no data."""
    ports = zip(ROLES, free_ports(len(ROLES)), strict=True)
    return {
        **stack.environment,
        **{f"FRESHET_METRICS__PORTS__{role.upper()}": str(port) for role, port in ports},
        "FRESHET_STATE_DIR": str(tmp_path),
        "FRESHET_KAFKA__PREFIX": "beside.",
        "FRESHET_MILVUS__PREFIX": "beside",
    }


def port_of(role: str, environment: dict[str, str]) -> str:
    """Where a worker shows its metrics."""
    return environment[f"FRESHET_METRICS__PORTS__{role.upper()}"]


def freshet(environment: dict[str, str], *arguments: str) -> str:
    """What a command prints; it must succeed."""
    command = (sys.executable, "-m", "streams.cli", *arguments)
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=180
    ).stdout


@contextmanager
def working(
    environment: dict[str, str], folder: Path
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """One worker of each role, ready; what they print goes to `folder`/ROLE.log."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for role in ROLES:
            with (folder / f"{role}.log").open("wb") as output:
                command = (sys.executable, "-m", "streams.role", role)
                started[role] = subprocess.Popen(
                    command, env=environment, cwd=ROOT, stdout=output, stderr=output
                )
        for role, process in started.items():
            _wait_ready(process, port_of(role, environment))
        yield started
    finally:
        for process in started.values():
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], port: str, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        assert process.poll() is None, "the worker ended"
        try:
            if httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("not ready in time")


def test_a_worker_that_is_told_to_stop_closes_what_it_opened(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """It ends with code 0, having shown what it did; its log has no complaint.

    Nor has it a terminal's control codes, which Faust's spinner would write.
    """
    freshet(environment, "topics")
    with working(environment, tmp_path) as workers:
        freshet(environment, "documents", "put", "README.md", "--wait")
        answer = freshet(environment, "ask", "What does Freshet prove for every answer?")
        assert "what it knew when it" in answer
        for role in ROLES:
            page = httpx.get(f"http://127.0.0.1:{port_of(role, environment)}/metrics").text
            assert f'freshet_worker_events_total{{role="{role}"' in page
            assert f'freshet_worker_lag_events{{role="{role}"}}' in page
        for process in workers.values():
            process.terminate()
        codes = {role: process.wait(60) for role, process in workers.items()}
    assert codes == dict.fromkeys(ROLES, 0)
    for role in ROLES:
        log = (tmp_path / f"{role}.log").read_text()
        assert "Unclosed" not in log
        assert "never awaited" not in log
        assert "Traceback" not in log
        assert "\x1b" not in log
