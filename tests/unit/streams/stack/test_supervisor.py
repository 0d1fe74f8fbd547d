"""The supervisor over small parts: it starts, restarts and stops them, and leaves nothing."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams.config import ROOT
from streams.stack import lock, status
from streams.stack.status import StackStatus, State

BOUND_S = 60.0


class Small:
    """`tests.doubles.small_stack` as a child process."""

    def __init__(self, folder: Path, *extra: str) -> None:
        self.folder = folder
        command = (sys.executable, "-m", "tests.doubles.small_stack", str(folder), *extra)
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def ready(self) -> StackStatus:
        """Waits until all parts were ready once."""
        until(lambda: (now := self.now()) is not None and now.ready_in_s is not None)
        found = self.now()
        assert found is not None
        return found

    def now(self) -> StackStatus | None:
        """Its status; None before the first and after the last."""
        return status.read(self.folder)

    def part(self, name: str) -> status.PartStatus:
        """The status of one part."""
        found = self.now()
        assert found is not None
        return next(part for part in found.parts if part.name == name)

    def family(self) -> list[psutil.Process]:
        """The supervisor, keepers, parts and the grandchild."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """Running, until the end of the test at the latest."""
    running = Small(tmp_path)
    yield running
    running.process.kill()
    running.process.communicate(timeout=BOUND_S)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def all_gone(family: list[psutil.Process], folder: Path) -> None:
    """Waits, within bounds, for the last of them; then the lock must be free."""
    _, alive = psutil.wait_procs(family, timeout=BOUND_S)
    assert not alive
    until(lambda: not lock.is_held(folder))


def test_parts_start_after_those_that_they_need(small: Small):
    """`top` becomes ready after `base`; the grandchild is there as well."""
    ready = {part.name: part for part in small.ready().parts}
    assert all(part.state is State.READY for part in ready.values())
    assert ready["top"].at_s > ready["base"].at_s  # type: ignore[operator]
    assert len(small.family()) == 1 + 3 * 2 + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_stops_the_dependants_first_and_leaves_nothing(
    small: Small, number: signal.Signals
):
    """Not even what ignores SIGTERM, nor a grandchild in another session."""
    small.ready()
    family = small.family()
    small.process.send_signal(number)
    assert small.process.wait(BOUND_S) == 0
    all_gone(family, small.folder)
    stops = (small.folder / "stops").read_text().split()
    assert stops.index("top") < stops.index("base")


def test_kill_9_of_the_supervisor_leaves_nothing(small: Small):
    """The kernel tells the keepers; they end their parts and let go of the lock."""
    small.ready()
    family = small.family()
    small.process.kill()
    small.process.wait(BOUND_S)
    all_gone(family, small.folder)


def test_kill_9_of_a_keeper_takes_its_part_along_and_starts_it_again(small: Small):
    """Nobody runs unwatched."""
    small.ready()
    top = psutil.Process(small.part("top").pid)
    keeper = top.parent()
    assert keeper is not None
    keeper.kill()
    assert not psutil.wait_procs([top], timeout=BOUND_S)[1]
    until(lambda: small.part("top").restarts == 1 and small.part("top").state is State.READY)


def test_a_killed_part_is_started_again_and_its_grandchildren_are_not_left(small: Small):
    """The count of restarts and the reason are in the status."""
    small.ready()
    base = next(part for part in small.ready().parts if part.name == "base")
    [grandchild] = psutil.Process(base.pid).children()
    psutil.Process(base.pid).kill()
    until(lambda: small.part("base").restarts == 1 and small.part("base").state is State.READY)
    assert small.part("base").last_end == "ended by SIGKILL"
    assert not grandchild.is_running()


def test_a_part_that_cannot_run_stops_the_stack_and_says_why(tmp_path: Path):
    """After its attempts: the end of its log, exit code 1, nothing left."""
    small = Small(tmp_path, "broken")
    output, _ = small.process.communicate(timeout=BOUND_S)
    assert small.process.returncode == 1
    assert "broken ended with code 1 each time it was started" in output
    assert "no such thing" in output
    assert not lock.is_held(tmp_path)


def test_parts_that_come_later_go_by_themselves_and_end_nobody_else(tmp_path: Path):
    """One that cannot run is given up and told of; one that is retired leaves nothing."""
    small = Small(tmp_path, "guests")
    try:
        small.ready()
        until(lambda: _state(small, "guest") is State.READY)
        until(lambda: _state(small, "bad") is State.STOPPED)
        assert small.part("bad").last_end == "ended with code 1"
        (tmp_path / "retired").touch()
        until(lambda: _state(small, "guest") is None)
        assert "guest" in (tmp_path / "stops").read_text().split()
        assert small.part("base").state is State.READY
        family = small.family()
        small.process.send_signal(signal.SIGTERM)
        assert small.process.wait(BOUND_S) == 0
        all_gone(family, tmp_path)
    finally:
        small.process.kill()
        small.process.communicate(timeout=BOUND_S)


def _state(small: Small, name: str) -> State | None:
    found = small.now()
    return next((part.state for part in found.parts if part.name == name), None) if found else None
