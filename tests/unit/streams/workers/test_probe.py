"""The probe answers over HTTP, whatever the worker's loop does."""

import socket
import urllib.error
import urllib.request

import pytest

from streams.config import Metrics
from streams.workers.probe import Probe


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_worker_is_ready_when_it_says_so(port: int) -> None:
    """Until then it is recovering, which is no failure but no readiness either."""
    probe = Probe(Metrics(ports={"indexer": port}), "indexer")
    probe.start()
    assert get(port, "/ready")[0] == 503
    probe.ready = True
    assert get(port, "/ready")[0] == 200
    assert get(port, "/nowhere")[0] == 404


def test_metrics_are_in_prometheus_form(port: int) -> None:
    """At least those of the process are there."""
    Probe(Metrics(ports={"writer": port}), "writer").start()
    status, body = get(port, "/metrics")
    assert status == 200
    assert "# TYPE process_cpu_seconds_total counter" in body


def test_a_port_that_is_taken_is_an_error() -> None:
    """And not a worker that nobody can ask."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Probe(Metrics(ports={"writer": taken.getsockname()[1]}), "writer").start()
