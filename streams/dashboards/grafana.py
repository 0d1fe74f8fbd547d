"""Grafana, provisioned from our files, for whoever sits at this machine; it calls nobody."""

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from streams.config import ROOT, Settings
from streams.dashboards.tool import HOST, Tool
from streams.stack import health, ports
from streams.stack.part import Command, Part

DASHBOARDS = ROOT / "monitoring" / "grafana" / "dashboards"
_PACKAGED = Path("/usr/share/grafana")


def tool(settings: Settings, home: Path) -> Tool:
    """Its data and provisioning are in `home`."""
    command = _command()
    return Tool(
        "grafana",
        "dashboards",
        settings.dashboards.grafana_port,
        "grafana is not installed: no dashboards. "
        "https://grafana.com/docs/grafana/latest/setup-grafana/installation/ says how to get it",
        _part(settings, home / "grafana", command) if command else None,
    )


def _command() -> tuple[str, ...] | None:
    """How it is started, whichever of its programs is there."""
    for name, words in (("grafana", ("server",)), ("grafana-server", ())):
        if (program := shutil.which(name)) is not None:
            return (program, *words, "--homepath", str(_homepath(Path(program))))
    return None


def _homepath(program: Path) -> Path:
    """Where its defaults and pages are: beside the program, unless a package has spread it out."""
    beside = program.resolve().parents[1]
    return beside if (beside / "conf" / "defaults.ini").exists() else _PACKAGED


def provisioning(settings: Settings) -> dict[str, dict[str, Any]]:
    """Its provisioning files by their paths."""
    source = {
        "name": "Prometheus",
        "uid": "prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": f"http://{HOST}:{settings.dashboards.prometheus_port}",
        "isDefault": True,
        "editable": False,
        # The least range of a rate is four of these.
        "jsonData": {"timeInterval": f"{settings.dashboards.scrape_interval_s:g}s"},
    }
    provider = {
        "name": "Freshet",
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": str(DASHBOARDS)},
    }
    return {
        "datasources/prometheus.yml": {"apiVersion": 1, "datasources": [source]},
        "dashboards/freshet.yml": {"apiVersion": 1, "providers": [provider]},
    }


def environment(settings: Settings, home: Path) -> dict[str, str]:
    """Every setting that is not Grafana's default."""
    return {
        "GF_SERVER_HTTP_ADDR": HOST,
        "GF_SERVER_HTTP_PORT": str(settings.dashboards.grafana_port),
        "GF_PATHS_DATA": str(home / "data"),
        "GF_PATHS_LOGS": str(home / "logs"),
        "GF_PATHS_PLUGINS": str(home / "plugins"),
        "GF_PATHS_PROVISIONING": str(home / "provisioning"),
        "GF_LOG_MODE": "console",
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",
        "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
    }


def _part(settings: Settings, home: Path, command: tuple[str, ...]) -> Part:
    address = ports.Address(HOST, settings.dashboards.grafana_port)

    def prepare() -> Command:
        for name, content in provisioning(settings).items():
            path = home / "provisioning" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(content, sort_keys=False))
        return Command(command, {**os.environ, **environment(settings, home)}, home)

    return Part(
        name="grafana",
        listeners=(ports.Listener(address, "dashboards.grafana_port"),),
        prepare=prepare,
        ready=lambda _: health.http_ready(address, "/api/health"),
    )
