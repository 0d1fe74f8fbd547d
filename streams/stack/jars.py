"""The jars of Kafka and of Spark's sources and sinks: by pinned coordinates from the default Maven
repository, each held against its SHA-256. Standard library only.

Ivy, which comes inside pyspark, resolves them. A machine that reaches Maven repositories through
a mirror names an Ivy settings file in FRESHET_IVY_SETTINGS.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from streams.errors import SetupError

HERE = Path(__file__).parent


@dataclass(frozen=True)
class JarSet:
    """Jars that belong together."""

    whose: str
    folder: str
    """Below the folder that set-up installs into."""
    checksum_file: Path
    coordinates: tuple[tuple[str, str, str], ...]
    with_dependencies: bool = True

    @property
    def checksums(self) -> dict[str, str]:
        """SHA-256 by file name, as committed."""
        lines = self.checksum_file.read_text().splitlines()
        return {name: digest for digest, name in (line.split() for line in lines)}


KAFKA = JarSet(
    "Kafka's",
    "jars",
    HERE / "kafka-jars.sha256",
    (
        ("org.apache.kafka", "kafka_2.13", "4.3.1"),
        ("org.slf4j", "slf4j-simple", "1.7.36"),
    ),
)
SPARK = JarSet(
    "Spark's",
    "spark-jars",
    HERE / "spark-jars.sha256",
    (
        ("org.apache.spark", "spark-sql-kafka-0-10_2.13", "4.0.0"),
        ("org.apache.spark", "spark-token-provider-kafka-0-10_2.13", "4.0.0"),
        ("org.apache.kafka", "kafka-clients", "3.9.0"),
        ("org.apache.commons", "commons-pool2", "2.12.0"),
        ("io.delta", "delta-spark_2.13", "4.0.0"),
        ("io.delta", "delta-storage", "4.0.0"),
    ),
    with_dependencies=False,  # the others come inside pyspark, at versions of its own
)
ATTEMPTS = 3
TIMEOUT_S = 900
_MODULE = """<ivy-module version="2.0">
  <info organisation="freshet" module="{}"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>{}</dependencies>
</ivy-module>
"""
_DEPENDENCY = '<dependency org="{}" name="{}" rev="{}" conf="default->default" transitive="{}"/>'


def faults(jars: JarSet, folder: Path) -> list[str]:
    """What is wrong with the jars in a folder: one message each, none when they are right."""
    return [
        message
        for name, digest in jars.checksums.items()
        if (message := _fault(folder, name, digest))
    ]


def are_there(jars: JarSet, folder: Path) -> bool:
    """Whether every jar is; their contents are not looked at."""
    return all((folder / name).exists() for name in jars.checksums)


def fetch(jars: JarSet, folder: Path, java: str, ivy: Path) -> None:
    """Put the jars in `folder`, or raise SetupError and leave it as it was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".jars-") as scratch:
        fresh = Path(scratch) / "jars"
        _resolve(jars, fresh, Path(scratch), java, ivy)
        if wrong := faults(jars, fresh):
            raise SetupError(
                "what was downloaded is not what this version of Freshet was tested with:\n  "
                + "\n  ".join(wrong)
                + "\nDo not use it. Try again; if it stays, ask whoever runs your package mirror"
            )
        if folder.exists():
            os.rename(folder, Path(scratch) / "old")
        os.rename(fresh, folder)


def _resolve(jars: JarSet, into: Path, scratch: Path, java: str, ivy: Path) -> None:
    module = scratch / "ivy.xml"
    transitive = "true" if jars.with_dependencies else "false"
    wanted = (_DEPENDENCY.format(*each, transitive) for each in jars.coordinates)
    module.write_text(_MODULE.format(jars.folder, "".join(wanted)))
    settings = os.environ.get("FRESHET_IVY_SETTINGS")
    command = (
        *(java, "-jar", str(ivy), "-ivy", str(module), "-cache", str(scratch / "cache")),
        *(("-settings", settings) if settings else ()),
        *("-retrieve", f"{into}/[artifact]-[revision].[ext]"),
    )
    for _ in range(ATTEMPTS):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if done.returncode == 0 and into.exists():
            return
    raise SetupError(
        f"{jars.whose} jars could not be downloaded; see that Maven's central repository (or your "
        f"mirror, by FRESHET_IVY_SETTINGS) can be reached. Ivy said:\n{_end(done.stdout)}"
    )


def _fault(folder: Path, name: str, expected: str) -> str | None:
    path = folder / name
    if not path.exists():
        return f"{name} is missing"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return None if found == expected else f"{name} has SHA-256 {found}, expected {expected}"


def _end(said: str) -> str:
    telling: Iterable[str] = (line for line in said.splitlines() if "WARN" in line or "ERR" in line)
    return "\n".join(list(telling)[-8:]) or said[-500:]
