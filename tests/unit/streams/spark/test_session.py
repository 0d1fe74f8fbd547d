"""What a Spark session needs is looked for before Spark is started."""

import os
import sys
from pathlib import Path

import pytest
from pyspark.errors import PySparkException

from streams.config import Settings, Spark, Stack
from streams.errors import SetupError
from streams.spark import session
from streams.stack import jars


def java(folder: Path, version: str) -> Path:
    """A `java` that says it is this version."""
    found = folder / "bin" / "java"
    found.parent.mkdir(parents=True)
    found.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    found.chmod(0o755)
    return found


def settings(tmp_path: Path, name: str | None = None) -> Settings:
    """Those of a machine whose only Java is the one named."""
    return Settings(
        state_dir=tmp_path / "state",
        stack=Stack(java=name, install_dir=tmp_path),
        spark=Spark(master="local[1]"),
    )


def test_a_missing_java_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Neither on the PATH nor in JAVA_HOME."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SetupError, match="install Java 17 or 21"):
        session.java_home(settings(tmp_path))


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392", "24.0.1", "none"])
def test_a_java_that_spark_does_not_run_on_is_refused(tmp_path: Path, version: str):
    """Older, newer, or not a Java at all."""
    found = java(tmp_path / "jdk", version)
    with pytest.raises(SetupError, match="install Java 17 or 21"):
        session.java_home(settings(tmp_path, str(found)))


@pytest.mark.parametrize("version", ["17.0.15", "21.0.1"])
def test_the_home_of_a_fitting_java_is_found(tmp_path: Path, version: str):
    """The folder above `bin`."""
    found = java(tmp_path / "jdk", version)
    assert session.java_home(settings(tmp_path, str(found))) == tmp_path / "jdk"


def test_missing_jars_are_told_before_java_starts(tmp_path: Path):
    """One of them is enough."""
    folder = tmp_path / jars.SPARK.folder
    folder.mkdir()
    names = list(jars.SPARK.checksums)
    for name in names[1:]:
        (folder / name).touch()
    with pytest.raises(SetupError, match="make setup"):
        session.jar_files(settings(tmp_path))
    (folder / names[0]).touch()
    assert {path.name for path in session.jar_files(settings(tmp_path))} == set(names)


def test_what_the_jvm_inherits_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Only while it is launched: the command's own environment is as it was."""
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    found = java(tmp_path / "jdk", "17.0.1")
    before = dict(os.environ)
    log = tmp_path / "log"
    with session._launching(settings(tmp_path, str(found)), log, True):
        assert os.environ["PYSPARK_PYTHON"] == sys.executable
        os.write(2, b"a warning of the JVM")
    assert dict(os.environ) == before
    assert log.read_bytes() == b"a warning of the JVM"


@pytest.mark.parametrize(
    ("master", "here"),
    [("local", True), ("local[*]", True), ("local[2,3]", True), ("spark://h:7077", False)],
)
def test_a_cluster_is_told_from_this_machine(master: str, here: bool):
    """`local-cluster[..]` starts processes of its own, and counts as a cluster."""
    assert session.is_local(master) is here
    assert not session.is_local("local-cluster[2,1,1024]")


TRACE = """[STREAM_FAILED] Query [id = 7] ended. Return Message: Traceback (most recent call last):
  File "utils.py", line 162, in call
    self.func(frame, batch_id)
pyspark.errors.exceptions.captured.PythonException: \n\
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "worker.py", line 2028, in main
    import {module}
{said}

 SQLSTATE: 39000 SQLSTATE: XXKST
=== Streaming Query ===
Identifier: [id = 7]
"""


def test_what_a_workers_python_lacks_is_told_with_what_to_do():
    """Of a cluster, whose Python is not ours."""
    said = "ModuleNotFoundError: No module named 'pyarrow'"
    error = PySparkException(TRACE.format(module="pyarrow", said=said))
    with pytest.raises(session.SparkFault, match="no pyarrow; PYSPARK"), session.explained():
        raise error


def test_of_a_trace_its_end_is_told():
    """Not that there is one."""
    error = PySparkException(TRACE.format(module="json", said="ValueError: no such thing"))
    assert session.first_line(error) == "ValueError: no such thing"
    assert session.first_line(PySparkException("\n[TABLE] is not there\n\tat x")) == (
        "[TABLE] is not there"
    )
