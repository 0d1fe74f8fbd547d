"""Whoever types what the documentation says gets what it says: nothing fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.config import ROOT
from tests.doubles.docs import PAGES, commands
from tests.doubles.stack import TestStack

NOT_RUN = ("make ", "docker ", "cp ", ".venv/bin/freshet up", ".venv/bin/freshet down")
"""What would set up, start or stop a stack, needs containers, or writes beside the source."""


def runnable(page: Path) -> list[str]:
    """The commands of a page that can be tried on a stack that runs."""
    return [line for line in commands(page) if not line.startswith(NOT_RUN)]


@pytest.mark.parametrize("page", list(filter(runnable, PAGES)), ids=lambda page: page.name)
def test_the_commands_of_a_page_succeed_in_order(page: Path, stack: TestStack) -> None:
    """From the root of the repository, on a running stack."""
    beside = str(Path(sys.executable).parent)
    env = {**stack.environment, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
    for line in runnable(page):
        done = subprocess.run(
            ("sh", "-c", line), env=env, cwd=ROOT, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_the_tour_of_the_readme_is_run() -> None:
    """It is found, and most of it is tried."""
    assert len(runnable(PAGES[0])) > 8
