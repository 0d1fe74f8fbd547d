"""The index: the C++ server inside milvus-lite's wheel. Its Python package is never imported."""

import os
from pathlib import Path

from streams.config import Settings
from streams.errors import SetupError
from streams.index.lite import collections_in, index_keys
from streams.index.names import collection_names
from streams.stack import health, ports
from streams.stack.part import Command, Part


def part(settings: Settings) -> Part:
    """The server, ready when it lists its collections."""
    address = ports.parse(settings.milvus.uri, "milvus.uri")
    return Part(
        name="milvus",
        listeners=(ports.Listener(address, "milvus.uri"),),
        prepare=lambda: _prepare(settings, address),
        ready=health.MilvusProbe(address),
    )


def site_packages(servers_env: Path) -> Path:
    """Where the servers' environment keeps its packages. Raises SetupError."""
    found = sorted(servers_env.resolve().glob("lib/python3.*/site-packages"))
    if not found:
        raise SetupError(f"there is no servers' environment in {servers_env}; run `make setup`")
    return found[-1]


def _prepare(settings: Settings, address: ports.Address) -> Command:
    folder = settings.state_dir.resolve() / "milvus"
    folder.mkdir(parents=True, exist_ok=True)
    libraries = site_packages(settings.stack.servers_env) / "milvus_lite" / "lib"
    server = libraries / "milvus"
    if not server.exists():
        raise SetupError(f"{server} is missing; run `make setup`")
    database = folder / "freshet.db"
    # A version that is built while the server runs has its index from the next start on.
    built = collections_in(database, settings.milvus.prefix)
    index_keys(database, {*built, *collection_names(settings.milvus, settings.index_version)})
    argv = (str(server), str(database), str(address), str(folder / "error"))
    return Command(argv, {**os.environ, "LD_LIBRARY_PATH": str(libraries)}, folder)
