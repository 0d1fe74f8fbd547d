"""Grafana is given our dashboards, and calls nobody. It is not run here."""

from pathlib import Path

import pytest
import yaml

from streams.config import ROOT, Dashboards, Settings
from streams.dashboards import grafana


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder as the archive has it, its programs on the PATH."""
    folder = tmp_path / "grafana-12"
    for name in ("grafana", "grafana-server"):
        path = folder / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (folder / "conf").mkdir()
    (folder / "conf" / "defaults.ini").touch()
    monkeypatch.setenv("PATH", str(folder / "bin"))
    return folder / "bin" / "grafana"


def test_it_is_started_from_wherever_it_is(tmp_path: Path, program: Path) -> None:
    """With the pages that lie beside the program."""
    part = grafana.tool(Settings(), tmp_path / "home").part
    assert part is not None

    command = part.prepare()

    home = str(program.parents[1])
    assert command.argv == (str(program), "server", "--homepath", home)


def test_an_older_one_is_started_by_its_older_name(tmp_path: Path, program: Path) -> None:
    """Before Grafana 9.4 there was only `grafana-server`."""
    program.unlink()
    part = grafana.tool(Settings(), tmp_path / "home").part
    assert part is not None

    assert part.prepare().argv[:2] == (str(program.parent / "grafana-server"), "--homepath")


def test_it_finds_our_prometheus_and_our_dashboards(tmp_path: Path, program: Path) -> None:
    """By the name that the dashboards have for it, at the ports of the settings."""
    settings = Settings(dashboards=Dashboards(prometheus_port=9191, scrape_interval_s=2))
    part = grafana.tool(settings, tmp_path / "home").part
    assert part is not None
    part.prepare()
    folder = tmp_path / "home" / "grafana" / "provisioning"

    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards/freshet.yml").read_text())["providers"]

    assert (source["uid"], source["url"]) == ("prometheus", "http://127.0.0.1:9191")
    assert source["jsonData"]["timeInterval"] == "2s"
    assert list(Path(provider["options"]["path"]).glob("*.json"))


def test_it_is_reached_from_here_alone_and_calls_nobody(tmp_path: Path, program: Path) -> None:
    """Without a password, so nobody may change anything."""
    part = grafana.tool(Settings(), tmp_path).part
    assert part is not None

    environment = part.prepare().env

    assert environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    for name in ("REPORTING_ENABLED", "CHECK_FOR_UPDATES", "CHECK_FOR_PLUGIN_UPDATES"):
        assert environment[f"GF_ANALYTICS_{name}"] == "false"
    assert environment["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"


def test_in_compose_it_finds_the_same_dashboards() -> None:
    """Where compose.yaml mounts them."""
    folder = ROOT / "monitoring/grafana/provisioning/dashboards"
    (provider,) = yaml.safe_load((folder / "freshet.yml").read_text())["providers"]
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["grafana"]

    mounted = {each.split(":")[1]: each.split(":")[0] for each in service["volumes"]}
    assert ROOT / mounted[provider["options"]["path"]] == grafana.DASHBOARDS
