"""Prometheus reads every process of the stack, and is reached from this machine alone."""

from pathlib import Path

import pytest
import yaml

from streams.config import Dashboards, Metrics, Settings
from streams.dashboards import prometheus
from streams.stack import status
from streams.stack.status import PartStatus, StackStatus
from tests.doubles import promtool


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of its name on the PATH."""
    program = tmp_path / "bin" / "prometheus"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return program


def test_it_reads_every_process_where_the_settings_have_it(tmp_path: Path) -> None:
    """An address that means all interfaces is asked on this machine."""
    settings = Settings(
        state_dir=tmp_path, metrics=Metrics(host="0.0.0.0", ports={"indexer": 1, "writer": 2})
    )

    assert prometheus.targets(settings) == {
        "gateway": "127.0.0.1:8700",
        "indexer": "127.0.0.1:1",
        "writer": "127.0.0.1:2",
        "triton": "127.0.0.1:8002",
    }


def test_a_port_that_was_chosen_at_the_start_is_that_of_the_running_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a port that is 0, where nothing runs, nothing is known."""
    settings = Settings(state_dir=tmp_path, metrics=Metrics(ports={"indexer": 0, "writer": 0}))
    part = PartStatus("indexer", "127.0.0.1:4711", "log")
    monkeypatch.setattr(status, "read", lambda _: StackStatus(1, 0.0, [part]))

    found = prometheus.targets(settings)

    assert found["indexer"] == "127.0.0.1:4711"
    assert "writer" not in found


@pytest.mark.parametrize("interval", [0.5, 1.0, 30.0])
@promtool.needed
def test_it_takes_its_configuration_and_our_rules(tmp_path: Path, interval: float) -> None:
    """By its own checker, at any interval."""
    file = tmp_path / "prometheus.yml"
    settings = Settings(dashboards=Dashboards(scrape_interval_s=interval))
    file.write_text(yaml.safe_dump(prometheus.config(settings)))

    checked = promtool.run("check", "config", str(file))

    assert checked.returncode == 0, checked.stderr
    assert "rules found" in checked.stdout


def test_it_listens_here_alone_and_obeys_nobody(tmp_path: Path, installed: Path) -> None:
    """No administration, no way to stop it from a page, no other site's questions."""
    part = prometheus.tool(Settings(), tmp_path / "home").part
    assert part is not None

    argv = part.prepare().argv

    assert argv[0] == str(installed)
    assert "--web.listen-address=127.0.0.1:9090" in argv
    assert not any("enable" in each for each in argv)
    assert any(each.startswith("--web.cors.origin=https?://(127") for each in argv)
    assert (tmp_path / "home" / "prometheus.yml").exists()


def test_where_it_is_missing_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Debian, and elsewhere."""
    monkeypatch.setenv("PATH", str(tmp_path))

    tool = prometheus.tool(Settings(), tmp_path)

    assert tool.part is None
    assert "apt-get install --no-install-recommends prometheus" in tool.missing
    assert "https://prometheus.io/download/" in tool.missing
