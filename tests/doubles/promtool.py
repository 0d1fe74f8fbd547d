"""Prometheus' own checker, where it is installed."""

import shutil
import subprocess

import pytest

needed = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="no promtool: Debian has it in the package `prometheus`, which .ci/run installs",
)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Its exit code and what it says."""
    return subprocess.run(
        ("promtool", *arguments), capture_output=True, text=True, timeout=120, check=False
    )
