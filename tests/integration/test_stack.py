"""The real stack: started, examined, hurt and stopped."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from streams.config import PARTS
from streams.stack import lock
from tests.doubles.stack import TestStack

SERVERS = ("kafka", "milvus", "triton")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestStack]:
    """Kafka, Milvus and Triton of this module's own, to be hurt."""
    running = TestStack(tmp_path_factory.mktemp("servers"), only=SERVERS)
    try:
        yield running.start()
    finally:
        running.stop()


def test_status_shows_every_part_with_its_memory(stack: TestStack):
    """As JSON, exit code 0: all are ready, the workers of other index versions behind the rest."""
    done = stack.freshet("status", "--json")
    assert done.returncode == 0, done.stdout
    shown = json.loads(done.stdout)
    names = [part["name"] for part in shown["parts"]]
    assert names[: len(PARTS)] == list(PARTS)
    assert all("@" in name for name in names[len(PARTS) :])
    assert all(part["state"] == "ready" and part["rss_mb"] > 1 for part in shown["parts"])


def test_doctor_finds_nothing_wrong(stack: TestStack):
    """Machine, installation and running stack."""
    done = stack.freshet("doctor", "--json")
    assert [each for each in json.loads(done.stdout) if each["problem"]] == []
    assert done.returncode == 0


def test_logs_prints_the_end_of_one_parts_log(stack: TestStack):
    """As many lines as asked for."""
    done = stack.freshet("logs", "kafka", "-n", "3")
    assert len(done.stdout.splitlines()) == 3


def test_a_second_up_says_who_runs_here_already(stack: TestStack):
    """And leaves the first alone."""
    done = stack.freshet("up")
    assert done.returncode == 1
    assert f"supervisor pid {stack.process.pid}" in done.stderr
    assert "freshet down" in done.stderr
    assert stack.process.poll() is None


def test_a_port_in_use_is_named_with_its_holder_and_its_setting(stack: TestStack, tmp_path: Path):
    """Another stack on the same Kafka port: one line, and nothing left behind."""
    other = TestStack(tmp_path, kafka={"bootstrap": stack.settings.kafka.bootstrap})
    done = other.freshet("up")
    assert done.returncode == 1
    port = stack.settings.kafka.bootstrap.rpartition(":")[2]
    assert f"port {port} on 127.0.0.1 is in use by java" in done.stderr
    assert "FRESHET_KAFKA__BOOTSTRAP" in done.stderr
    assert "Traceback" not in done.stderr
    assert not lock.is_held(other.state_dir)


@pytest.mark.parametrize("part", SERVERS)
def test_a_server_killed_with_9_is_ready_again_by_itself(servers: TestStack, part: str):
    """In a new process; the others are left as they were."""
    before = {name: servers.part(name).pid for name in SERVERS}
    servers.wait_restarted(part, servers.kill(part))
    after = {name: servers.part(name).pid for name in SERVERS}
    assert {name for name in SERVERS if before[name] != after[name]} == {part}


def test_a_model_process_killed_with_9_does_not_leave_triton_half_alive(servers: TestStack):
    """Triton lives on without its Python stub: the health check must notice, and start it anew."""
    triton = servers.part("triton").pid
    assert triton is not None
    stub = psutil.Process(triton).children()[0]
    stub.kill()
    servers.wait_until(lambda now: servers.part("triton").pid not in (None, triton), 90)
    servers.wait_until(lambda now: now.is_ready, 90)


def test_kill_9_of_the_supervisor_leaves_nothing_and_the_next_up_works(tmp_path: Path):
    """No process, no lock: neither ours nor Milvus' on its file."""
    stack = TestStack(tmp_path, only=SERVERS).start()
    family = stack.family()
    assert len(family) >= 1 + 2 * len(SERVERS) + 2
    stack.process.kill()
    stack.wait_gone(family)
    family = stack.start().family()
    assert stack.stop() == 0
    stack.wait_gone(family)


def test_up_detached_returns_when_all_is_ready_and_down_leaves_nothing(tmp_path: Path):
    """Its news are on stderr, and `down` returns when the last process is gone."""
    stack = TestStack(tmp_path, only=("kafka", "milvus"))
    up = stack.freshet("up", "--detach", "--only", "kafka,milvus", timeout=200)
    assert up.returncode == 0, up.stderr
    assert "all 2 parts ready" in up.stderr
    running = stack.status()
    assert running is not None
    supervisor = psutil.Process(running.pid)
    family = [supervisor, *supervisor.children(recursive=True)]
    assert stack.freshet("down").returncode == 0
    assert not lock.is_held(stack.state_dir)
    assert not psutil.wait_procs(family, timeout=30)[1]
    assert stack.freshet("status").returncode == 1
