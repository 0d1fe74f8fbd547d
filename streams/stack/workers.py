"""Our own processes: the Faust workers and the gateway."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from streams.config import Settings
from streams.stack import health, ports
from streams.stack.part import Command, Part

NEEDS = {
    "indexer": ("kafka", "triton"),
    "writer": ("kafka", "milvus"),
    "admission": ("kafka",),
    "answerer": ("kafka", "milvus", "triton"),
    "judge": ("kafka", "milvus", "triton"),
    "monitor": ("kafka", "triton"),
    "steward": ("kafka",),
}


def worker(settings: Settings, role: str) -> Part:
    """A worker, ready when it says so on its metrics port."""
    address = ports.Address(settings.metrics.host, settings.metrics.ports[role])
    return Part(
        name=role,
        needs=NEEDS[role],
        listeners=(ports.Listener(address, f"metrics.ports.{role}"),),
        prepare=lambda: _role(settings, role),
        ready=lambda _: health.http_ready(address, "/ready"),
    )


def of_version(settings: Settings, role: str, version: str) -> Part:
    """The indexer or writer of an index version that is not the one of the settings.

    It shows its metrics on any free port.
    """
    address = ports.Address(settings.metrics.host, ports.free())
    own = {
        "FRESHET_INDEX_VERSION": version,
        f"FRESHET_METRICS__PORTS__{role.upper()}": str(address.port),
    }
    return Part(
        name=name_of(role, version),
        needs=NEEDS[role],
        listeners=(ports.Listener(address, f"metrics.ports.{role}"),),
        prepare=lambda: _role(settings, role, own),
        ready=lambda _: health.http_ready(address, "/ready"),
    )


def name_of(role: str, version: str) -> str:
    """What the part of an index version is called."""
    return f"{role}@{version}"


def gateway(settings: Settings) -> Part:
    """The HTTP front."""
    address = ports.Address(settings.gateway.host, settings.gateway.port)
    return Part(
        name="gateway",
        needs=("kafka",),
        listeners=(ports.Listener(address, "gateway.port"),),
        prepare=lambda: _role(settings, "gateway"),
        ready=lambda _: health.http_ready(address, "/readyz"),
    )


def _role(settings: Settings, name: str, own: Mapping[str, str] = MappingProxyType({})) -> Command:
    """A process of ours, told the ports that were chosen for it."""
    chosen = {
        f"FRESHET_METRICS__PORTS__{role.upper()}": str(port)
        for role, port in settings.metrics.ports.items()
    }
    state_dir = str(settings.state_dir.resolve())
    env = {**os.environ, **chosen, "FRESHET_STATE_DIR": state_dir, **own}
    return Command((sys.executable, "-m", "streams.role", name), env, Path.cwd())
