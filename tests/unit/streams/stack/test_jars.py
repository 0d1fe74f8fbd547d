"""The jars are the ones that were committed to."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from streams.stack import jars


def test_every_jar_has_a_checksum():
    """Kafka itself and its logger are among them."""
    sums = jars.KAFKA.checksums
    assert {"kafka_2.13-4.3.1.jar", "slf4j-simple-1.7.36.jar"} <= set(sums)
    assert all(len(digest) == 64 for digest in sums.values())


def test_spark_has_a_checksum_for_every_jar_that_is_named():
    """Dependencies that come inside pyspark are not fetched."""
    named = {f"{name}-{version}.jar" for _, name, version in jars.SPARK.coordinates}
    assert set(jars.SPARK.checksums) == named


def test_a_different_jar_is_named_with_both_checksums(tmp_path: Path):
    """One right, one damaged, one missing."""
    (tmp_path / "right.jar").write_bytes(b"right")
    (tmp_path / "damaged.jar").write_bytes(b"damaged")
    expected = "0" * 64
    right = hashlib.sha256(b"right").hexdigest()
    sums = tmp_path / "sums"
    sums.write_text(f"{right}  right.jar\n{expected}  damaged.jar\n{expected}  missing.jar\n")
    damaged, missing = jars.faults(replace(jars.KAFKA, checksum_file=sums), tmp_path)
    assert damaged.startswith("damaged.jar has SHA-256 ")
    assert damaged.endswith(f"expected {expected}")
    assert missing == "missing.jar is missing"


def test_a_resolver_that_fails_is_an_error_and_leaves_the_old_jars(tmp_path: Path):
    """What worked goes on working."""
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "old.jar").write_bytes(b"old")
    with pytest.raises(jars.SetupError, match="FRESHET_IVY_SETTINGS"):
        jars.fetch(jars.KAFKA, folder, "/bin/false", tmp_path / "ivy.jar")
    assert [each.name for each in tmp_path.rglob("*.jar")] == ["old.jar"]
