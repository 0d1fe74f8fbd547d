"""What is wrong with this machine, this installation or the running stack, and what to do."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streams.config import Settings
from streams.errors import FreshetError
from streams.stack import jars, lock, milvus, parts, ports, prerequisites, status, triton
from streams.stack.part import Part
from streams.stack.status import State

LEAST_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `problem` says what to do; None when all is well."""

    subject: str
    found: str
    problem: str | None = None


def examine(settings: Settings) -> list[Finding]:
    """Look at everything. Takes some seconds at most."""
    return [*_machine(settings), *_installed(settings), *_stack(settings)]


def _machine(settings: Settings) -> Iterator[Finding]:
    java = prerequisites.find_java(settings.stack.java)
    version = prerequisites.java_version(java) if java else None
    folder = _existing(settings.state_dir)
    free = shutil.disk_usage(folder).free
    yield Finding("system", "Linux, x86-64, glibc", prerequisites.system())
    yield Finding("python", "3.11 to 3.13", prerequisites.python())
    yield Finding("java", f"Java {version} at {java}", prerequisites.java(settings.stack.java))
    yield Finding("make", "there", prerequisites.make())
    yield Finding("disk", f"{free / 1e9:.0f} GB free", prerequisites.disk(folder, LEAST_FREE_BYTES))


def _installed(settings: Settings) -> Iterator[Finding]:
    folder = settings.stack.install_dir
    yield from (_jars(each, folder / each.folder) for each in (jars.KAFKA, jars.SPARK))
    yield Finding("servers", str(settings.stack.servers_env), _servers(settings))
    built = sorted(each.parent.name for each in (folder / "models").glob("*/built.json"))
    yield Finding("models", ", ".join(built), None if built else "none are built: run `make setup`")


def _jars(wanted: jars.JarSet, folder: Path) -> Finding:
    wrong = jars.faults(wanted, folder)
    return Finding(
        f"{wanted.whose.lower()} jars",
        f"{len(wanted.checksums)} with the right checksums",
        f"{'; '.join(wrong[:3])}; remove {folder} and run `make setup`" if wrong else None,
    )


def _servers(settings: Settings) -> str | None:
    """Whether Triton and Milvus are installed, and Triton's Python backend finds libpython."""
    try:
        packages = milvus.site_packages(settings.stack.servers_env)
        folder = triton.libpython(settings.stack.servers_env.resolve() / "bin" / "python")
    except FreshetError as error:
        return str(error)
    needed = ("pytriton/tritonserver/bin/tritonserver", "milvus_lite/lib/milvus")
    if missing := [name for name in needed if not (packages / name).exists()]:
        return f"{', '.join(missing)} missing in {packages}; run `make setup`"
    library = f"lib{packages.parent.name}.so.1.0"
    if not folder and not _loader_knows(library):
        return (
            f"Triton needs {library}, which this Python lacks; "
            f"run: apt-get install lib{packages.parent.name}"
        )
    return None


def _loader_knows(library: str) -> bool:
    import ctypes

    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _stack(settings: Settings) -> Iterator[Finding]:
    try:
        built = parts.build(parts.with_ports(settings))
    except FreshetError as error:
        yield Finding("settings", "", str(error))
        return
    yield Finding("state", str(settings.state_dir), _state(settings))
    running = status.read(settings.state_dir)
    if running is None:
        yield from (_port(listener) for part in built for listener in part.listeners)
    else:
        known = {part.name: part for part in running.parts}
        yield from (_running(known[part.name]) for part in built if part.name in known)
    yield from asyncio.run(_elsewhere(settings))


def _state(settings: Settings) -> str | None:
    try:
        held, pid = lock.is_held(settings.state_dir), lock.supervisor(settings.state_dir)
    except FreshetError as error:
        return str(error)
    if held and pid is None:
        return "the supervisor is gone, and parts of its stack are still stopping; wait a moment"
    return None


def _port(listener: ports.Listener) -> Finding:
    taken = ports.complaint(listener) if ports.is_taken(listener.address) else None
    return Finding(f"port {listener.address.port}", f"free, for {listener.setting}", taken)


def _running(part: status.PartStatus) -> Finding:
    well = part.state is State.READY
    advice = f"{part.state}, {part.restarts} restarts, last {part.last_end}; see {part.log}"
    return Finding(part.name, f"ready at {part.address}", None if well else advice)


async def _elsewhere(settings: Settings) -> list[Finding]:
    """The servers that run on other machines: they are asked whether they are ready."""
    remote = [part for part in parts.servers(settings) if not part.listeners[0].address.is_local]
    return [await _reach(part) for part in remote]


async def _reach(part: Part) -> Finding:
    where = f"{part.name} at {part.address}"
    problem = None if await part.ready(None) else f"{where} does not answer, or is not ready"
    return Finding(part.name, f"ready at {part.address}", problem)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return folder if folder.exists() else _existing(folder.resolve().parent)
