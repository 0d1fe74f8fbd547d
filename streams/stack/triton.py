"""The models: `tritonserver` from its wheel, its Python backend in the servers' environment."""

import os
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import psutil

from streams.config import ROOT, Settings
from streams.errors import SetupError, StackError
from streams.stack import health, ports
from streams.stack.milvus import site_packages
from streams.stack.part import Command, Part

REPOSITORY = ROOT / "models" / "repository"
EXIT_TIMEOUT_S = 5
STUB_TIMEOUT_S = 120
_LIBPYTHON = """
import sysconfig as s
from pathlib import Path
folder = Path(s.get_config_var("LIBDIR"))
print(folder if (folder / s.get_config_var("INSTSONAME")).exists() else "")
"""


def part(settings: Settings) -> Part:
    """The server, ready when every model in the repository is."""
    triton = settings.triton
    http = ports.parse(triton.http, "triton.http")
    grpc = ports.parse(triton.grpc, "triton.grpc")
    metrics = ports.parse(triton.metrics, "triton.metrics")
    paths = ("/v2/health/ready", *(f"/v2/models/{name}/ready" for name in models()))
    return Part(
        name="triton",
        listeners=(
            ports.Listener(grpc, "triton.grpc"),
            ports.Listener(http, "triton.http"),
            ports.Listener(metrics, "triton.metrics"),
        ),
        prepare=lambda: _prepare(settings, http, grpc, metrics),
        ready=lambda pid: _ready(http, paths, pid),
        stall_s=15.0,
    )


async def _ready(http: ports.Address, paths: Sequence[str], pid: int | None) -> bool:
    """Whether every model is. Raises StackError when a model's process has died.

    Triton says that a model is ready whose Python process is dead, and its requests hang.
    """
    if pid is not None and (dead := _dead_children(pid)):
        raise StackError(f"lost {dead[0]}, which a model ran in")
    return await health.http_ready(http, *paths)


def _dead_children(pid: int) -> list[str]:
    """Children that have ended and that Triton has not noticed."""
    try:
        children = psutil.Process(pid).children()
        return [f"process {each.pid}" for each in children if each.status() == psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


def models() -> list[str]:
    """The models that the repository holds and this machine's Triton serves."""
    return sorted(each.parent.name for each in REPOSITORY.glob("*/config.pbtxt"))


def _prepare(
    settings: Settings, http: ports.Address, grpc: ports.Address, metrics: ports.Address
) -> Command:
    packages = site_packages(settings.stack.servers_env)
    server = packages / "pytriton" / "tritonserver"
    built = settings.stack.install_dir.resolve() / "models"
    if not (server / "bin" / "tritonserver").exists() or not built.is_dir():
        raise SetupError(f"{server} or {built} is missing; run `make setup`")
    folder = settings.state_dir.resolve() / "triton"
    argv = (
        str(server / "bin" / "tritonserver"),
        f"--model-repository={REPOSITORY}",
        f"--backend-directory={_backends(folder, server, packages.parent.name)}",
        f"--cache-directory={server / 'caches'}",
        "--model-control-mode=explicit",
        "--load-model=*",
        f"--http-address={http.host}",
        f"--http-port={http.port}",
        f"--grpc-address={grpc.host}",
        f"--grpc-port={grpc.port}",
        f"--metrics-address={metrics.host}",
        f"--metrics-port={metrics.port}",
        f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
        "--allow-gpu-metrics=false",
        f"--backend-config=python,stub-timeout-seconds={STUB_TIMEOUT_S}",
    )
    return Command(argv, _environment(settings, built), folder)


def _backends(folder: Path, server: Path, python: str) -> Path:
    """A backend folder of links into the wheel, with the stub for the environment's Python."""
    version = python.removeprefix("python")
    stub = server / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.exists():
        raise SetupError(f"Triton has no Python backend for {python}; use Python 3.11 to 3.13")
    backend = server / "backends" / "python"
    links = [stub, backend / "libtriton_python.so", backend / "triton_python_backend_utils.py"]
    into = folder / "backends" / "python"
    into.mkdir(parents=True, exist_ok=True)
    for target in links:
        link = into / target.name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return into.parent


def _environment(settings: Settings, built: Path) -> dict[str, str]:
    binaries = settings.stack.servers_env.resolve() / "bin"
    drop = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    libraries = (libpython(binaries / "python"), os.environ.get("LD_LIBRARY_PATH", ""))
    return {
        "HOME": str(settings.state_dir),
        **kept,
        "PATH": f"{binaries}:{os.environ.get('PATH', os.defpath)}",
        "LD_LIBRARY_PATH": ":".join(folder for folder in libraries if folder),
        "FRESHET_MODELS_DIR": str(built),
        "FRESHET_MODEL_THREADS": str(settings.triton.threads),
    }


@lru_cache
def libpython(python: Path) -> str:
    """The folder of that interpreter's shared library; empty when the system's loader knows it."""
    found = subprocess.run(
        (str(python), "-I", "-c", _LIBPYTHON), capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        raise SetupError(f"{python} does not run: {found.stderr.strip()}; run `make setup`")
    return found.stdout.strip()
