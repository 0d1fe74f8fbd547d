"""A Spark session with Delta and Kafka: on this machine's processors, or on a cluster.

The jars are those that set-up fetched and verified, so nothing is fetched at run time. On this
machine the driver listens on the loopback address only, and Python workers import Freshet from
where it runs; a cluster's workers are sent its code, and need its requirements installed
(`PYSPARK_PYTHON` names their Python).
"""

import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.config import ROOT, Settings
from streams.errors import FreshetError, SetupError
from streams.stack import jars, prerequisites

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JAVAS = (17, 21)
"""What Spark 4.0 runs on: with later ones its access to the JDK's inside fails."""
PACKAGES = ("schemas", "processors", "streams", "models", "monitoring")
_LOGGING = Path(__file__).with_name("log4j2.properties")
_BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Compile quickly rather than well, and collect garbage in one thread."""
_ARROW_BATCH_BYTES = 16 * 1024 * 1024
_STOP_S = 30.0
_TRACE = "Traceback (most recent call last):"
_MISSING = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)
_DISK_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


class SparkFault(FreshetError):
    """Spark could not be started, or a job of it failed."""


@contextmanager
def session(
    settings: Settings,
    name: str,
    *,
    master: str | None = None,
    options: Mapping[str, str] | None = None,
    brief: bool = False,
) -> "Iterator[SparkSession]":
    """The session of a job called `name`; it and its JVM are gone when the block is left.

    `master` is Spark's (`local[*]`, `local[2]`, `spark://..`, `yarn`); default: the setting.
    `options` win over Freshet's own, and the setting `spark.options` wins over both. Say `brief` of
    a job that does its work in Python: its JVM is then ready sooner, and slower at length.

    Raises:
        SetupError: Java or a jar is missing or the wrong one.
        SparkFault: Spark did not start.
    """
    wanted = master or settings.spark.master
    log = _log(settings)
    with _launching(settings, log, is_local(wanted)):
        own = _options(settings, name, wanted, log, _BRIEF if brief else "")
        spark = _started({**own, **(options or {}), **settings.spark.options}, log)
    try:
        with nullcontext() if is_local(wanted) else _code_at_hand(spark):
            yield spark
    finally:
        _stop(spark)


def is_local(master: str) -> bool:
    """Whether all of Spark runs in one process of this machine."""
    return master == "local" or master.startswith("local[")


def jar_files(settings: Settings) -> list[Path]:
    """The jars of a session. Raises SetupError where some are missing."""
    folder = settings.spark.jars or settings.stack.install_dir / jars.SPARK.folder
    if not jars.are_there(jars.SPARK, folder):
        raise SetupError(f"Spark's jars are not all in {folder}; run `make setup`")
    return [folder.resolve() / name for name in jars.SPARK.checksums]


def java_home(settings: Settings) -> Path:
    """The Java that Spark is run by. Raises SetupError, also where Spark itself is missing."""
    if find_spec("pyspark") is None:
        raise SetupError("pyspark is not installed here; `make setup` installs it")
    advice = "install Java 17 or 21 (Debian: apt-get install openjdk-17-jre-headless)"
    found = prerequisites.find_java(settings.stack.java)
    if found is None:
        raise SetupError(f"Spark needs Java, and there is none on the PATH; {advice}")
    version = prerequisites.java_version(found)
    if version is None or not JAVAS[0] <= version <= JAVAS[1]:
        what = "does not run" if version is None else f"is Java {version}"
        raise SetupError(f"Spark does not run on {found}, which {what}; {advice}, or set JAVA_HOME")
    return Path(found).resolve().parents[1]


def _options(settings: Settings, name: str, master: str, log: Path, java: str) -> dict[str, str]:
    memory = f"{settings.spark.memory_mb}m"
    options = {
        "spark.app.name": name,
        "spark.master": master,
        "spark.jars": ",".join(map(str, jar_files(settings))),
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": f'-Dlog4j2.configurationFile="{_LOGGING.as_uri()}" '
        f'-Dfreshet.log="{log}" {java}',
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.warehouse.dir": str(log.parent / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.compression.codec": "zstd",
        # One batch of large documents must not fill a worker's memory.
        "spark.sql.execution.arrow.maxBytesPerBatch": str(_ARROW_BATCH_BYTES),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    if is_local(master):
        options |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            # The defaults are a cluster's: hundreds of tasks of some milliseconds each.
            "spark.sql.shuffle.partitions": "8",
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",
            "spark.databricks.delta.snapshotPartitions": "2",
        }
    return options


def _log(settings: Settings) -> Path:
    folder = settings.state_dir.resolve() / "spark"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"{folder} cannot be made: {error.strerror}") from None
    return folder / f"spark-{os.getpid()}.log"


def _started(options: Mapping[str, str], log: Path) -> "SparkSession":
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder
    for name, value in options.items():
        builder = builder.config(name, value)
    try:
        spark: SparkSession = builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise SparkFault(f"Spark did not start: {first_line(error)}; {log} says more") from error
    return spark


def first_line(error: BaseException) -> str:
    """What an exception says, without its trace: that of a worker's Python, if it began there.

    Of a module that is missing there: what to do.
    """
    if missing := _MISSING.search(str(error)):
        return (
            f"the Python of Spark's workers has no {missing[1]}; PYSPARK_PYTHON must name one, on "
            "every worker, that has what requirements/workers.txt lists, and pyarrow"
        )
    if (said := _said_in_python(str(error))) is not None:
        return said[:500]
    java = getattr(error, "java_exception", None)
    text = java.toString() if java is not None else str(error)
    return text.strip().splitlines()[0][:500] if text.strip() else type(error).__name__


def _said_in_python(text: str) -> str | None:
    """What ends the innermost trace of Python; its other lines are indented."""
    _, trace, rest = text.rpartition(_TRACE)
    return next((line for line in rest.splitlines() if trace and line[:1].strip()), None)


@contextmanager
def explained() -> Iterator[None]:
    """Around jobs: what Spark throws becomes a SparkFault that says what to do."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        said = str(error)
        if any(sign in said for sign in _DISK_FULL):
            raise SparkFault(
                "the disk is full. Nothing half-written is ever read; free some space and run it "
                "again: it goes on where it was"
            ) from error
        raise SparkFault(f"Spark stopped: {first_line(error)}; run it again") from error


@contextmanager
def _launching(settings: Settings, log: Path, here: bool) -> Iterator[None]:
    """What the JVM inherits: its Java, where workers find our code, and a file for its stderr."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    wanted = {"JAVA_HOME": str(java_home(settings)), "PYTHONPATH": path}
    if here:
        wanted |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with _stderr_in(log):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _stderr_in(file: Path) -> Iterator[None]:
    """The JVM's own warnings, which no logger governs, go where its log goes."""
    sys.stderr.flush()
    kept = os.dup(2)
    with file.open("ab") as into:
        os.dup2(into.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _code_at_hand(spark: "SparkSession") -> Iterator[None]:
    """Let a cluster's Python workers have our packages: each executor asks for them as it comes."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "freshet.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
            for package in PACKAGES:
                for path in sorted((ROOT / package).rglob("*.py")):
                    into.write(path, path.relative_to(ROOT))
        spark.sparkContext.addPyFile(str(archive))
        yield


def _stop(spark: "SparkSession") -> None:
    """End the session, and the JVM with it: pyspark would keep it until this process ends."""
    import subprocess

    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    context: Any = SparkContext
    gateway = context._gateway
    with suppress(Py4JError, OSError):  # the JVM may have ended by itself
        spark.stop()
    with suppress(Py4JError, OSError):
        gateway.shutdown()
    context._gateway = context._jvm = None
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
