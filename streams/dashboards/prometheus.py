"""Prometheus: what it reads, by which rules, and how it is started."""

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from streams.config import ROOT, Settings
from streams.dashboards.tool import HOST, Tool
from streams.stack import health, ports, status
from streams.stack.part import Command, Part

RULES = ROOT / "monitoring" / "rules" / "*.yml"
_TIMEOUT_S = 5.0
_PAGES_OF_THIS_MACHINE = r"https?://(127\.0\.0\.1|localhost)(:\d+)?"


def tool(settings: Settings, home: Path) -> Tool:
    """Its data and configuration are in `home`."""
    program = shutil.which("prometheus")
    port = settings.dashboards.prometheus_port
    return Tool(
        "prometheus",
        "metrics and alerts",
        port,
        "prometheus is not installed: no metrics over time, no alerts. "
        "Debian and Ubuntu: apt-get install --no-install-recommends prometheus. "
        "Others: https://prometheus.io/download/",
        _part(settings, home, program) if program else None,
    )


def config(settings: Settings) -> dict[str, Any]:
    """`prometheus.yml` for the stack of these settings."""
    every = settings.dashboards.scrape_interval_s
    jobs = {**targets(settings), "prometheus": f"{HOST}:{settings.dashboards.prometheus_port}"}
    return {
        "global": {
            "scrape_interval": _duration(every),
            "scrape_timeout": _duration(min(every, _TIMEOUT_S)),
            "evaluation_interval": _duration(every),
        },
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [address]}]}
            for job, address in jobs.items()
        ],
    }


def targets(settings: Settings) -> dict[str, str]:
    """Where each process shows its metrics; of a port that is 0, where the running one does."""
    running = status.read(settings.state_dir)
    parts = {part.name: part.address for part in running.parts} if running else {}
    host = settings.metrics.host
    found = {"gateway": ports.Address(settings.gateway.host, settings.gateway.port)}
    for role, port in settings.metrics.ports.items():
        if port:
            found[role] = ports.Address(host, port)
        elif role in parts:
            found[role] = ports.parse(parts[role], f"metrics.ports.{role}")
    found["triton"] = ports.parse(settings.triton.metrics, "triton.metrics")
    return {name: str(_reachable(address)) for name, address in found.items()}


def _reachable(address: ports.Address) -> ports.Address:
    return address._replace(host=HOST) if address.is_local else address


def _part(settings: Settings, home: Path, program: str) -> Part:
    address = ports.Address(HOST, settings.dashboards.prometheus_port)

    def prepare() -> Command:
        home.mkdir(parents=True, exist_ok=True)
        file = home / "prometheus.yml"
        file.write_text(yaml.safe_dump(config(settings), sort_keys=False))
        return Command(_argv(settings, home, program, file, address), os.environ, home)

    return Part(
        name="prometheus",
        listeners=(ports.Listener(address, "dashboards.prometheus_port"),),
        prepare=prepare,
        ready=lambda _: health.http_ready(address, "/-/ready"),
    )


def _argv(
    settings: Settings, home: Path, program: str, file: Path, address: ports.Address
) -> tuple[str, ...]:
    """Pages of other sites may not ask it from a browser, which they may by default."""
    return (
        program,
        f"--config.file={file}",
        f"--storage.tsdb.path={home / 'prometheus'}",
        f"--storage.tsdb.retention.time={settings.dashboards.retention_days}d",
        f"--web.listen-address={address}",
        f"--web.external-url=http://{address}",
        f"--web.cors.origin={_PAGES_OF_THIS_MACHINE}",
        "--web.page-title=Freshet",
        "--log.level=warn",
    )


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
