"""What a machine must have before anything is installed. Standard library only.

Each check gives None when all is well, else one message that says what to do.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PYTHONS = ((3, 11), (3, 13))
LEAST_JAVA = 17
KAFKA_WORKS_WITH = "17 or 21"
NEEDED_BYTES = 6_000_000_000

Check = Callable[[], str | None]


def system() -> str | None:
    """Linux on x86-64 with glibc: what the servers' wheels are built for."""
    name, machine, libc = platform.system(), platform.machine(), platform.libc_ver()[0]
    if name == "Linux" and machine == "x86_64" and libc == "glibc":
        return None
    found = f"{name} on {machine} with {libc or 'another C library than glibc'}"
    return (
        f"this is {found}; Triton's and Milvus' wheels need Linux on x86-64 with glibc. "
        "Use such a machine, or point FRESHET_* at servers elsewhere"
    )


def python() -> str | None:
    """A Python that the pinned requirements are made for."""
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return None
    return f"this is Python {platform.python_version()}; use 3.11, 3.12 or 3.13 (make PYTHON=...)"


def venv() -> str | None:
    """The means to make an environment, which Debian packages apart."""
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return None
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"Python's venv module is incomplete; run: apt-get install python{version}-venv"


def make() -> str | None:
    """GNU make, by which everything is started."""
    return None if shutil.which("make") else "there is no `make`; run: apt-get install make"


def find_java(named: str | None = None) -> str | None:
    """The `java` to run: the one named, $JAVA_HOME's, or the PATH's."""
    home = os.environ.get("JAVA_HOME")
    candidates = (named, str(Path(home) / "bin" / "java") if home else None, "java")
    found = (shutil.which(each) for each in candidates if each)
    return next((each for each in found if each), None)


def java(named: str | None = None) -> str | None:
    """A Java that Kafka runs on."""
    advice = f"install Java {KAFKA_WORKS_WITH} (Debian: apt-get install openjdk-17-jre-headless)"
    found = find_java(named)
    if found is None:
        return f"there is no `java` on the PATH nor in $JAVA_HOME; {advice}"
    version = java_version(found)
    if version is None:
        return f"{found} does not run; {advice}"
    if version < LEAST_JAVA:
        return f"{found} is Java {version}; {advice}, or set JAVA_HOME to it"
    return None


def java_version(path: str) -> int | None:
    """The major version of a `java`; None when it does not say."""
    try:
        said = subprocess.run(
            (path, "-version"), capture_output=True, text=True, timeout=30, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else None


def disk(folder: Path, needed: int = NEEDED_BYTES) -> str | None:
    """Room for the environments and the state."""
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return None
    return (
        f"{free / 1e9:.1f} GB are free in {folder}, and set-up needs {needed / 1e9:.0f} GB; "
        "free some space or clone to another disk"
    )
