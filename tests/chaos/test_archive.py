"""Whatever kills an archive, each record of the log is in its tables once."""

import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable

import pytest

from tests.doubles.archive import Archived, well

pytestmark = pytest.mark.timeout(900)

RECORDS = 12_000
TOPICS = ("queries", "feedback", "responses")
BATCH = 500
KILLS = 2


@pytest.fixture(scope="module")
async def archived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Archived]:
    """A log with many small batches to be archived."""
    made = Archived(tmp_path_factory.mktemp("archive"), archive={"batch_records": BATCH})
    made.stack.start()
    try:
        await made.make_topics()
        value = b'{"query_id": "q", "text": "Why?", "tenant": "t"}'
        await made.send(
            (TOPICS[number % 3], f"k{number % 97}", value, ()) for number in range(RECORDS)
        )
        yield made
    finally:
        made.stack.stop()


def test_an_archive_that_is_killed_again_and_again_loses_and_doubles_nothing(
    archived: Archived,
) -> None:
    """With -9, just when a batch is in the table and not yet noted as done, driver and JVM."""
    for kill in range(KILLS):
        running = archived.begin()
        _wait_for_commits(archived, running, 2 + kill)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    well(archived.run())
    found = well(archived.run("verify", "--json")).splitlines()
    assert sum(json.loads(line)["archived"] for line in found) == RECORDS


def test_a_driver_that_is_killed_takes_its_jvm_along(archived: Archived) -> None:
    """The next run waits for it, and is not turned away."""
    running = archived.begin("--follow", "--every", "1s")
    _wait_for_lock(archived, running)
    os.kill(running.pid, signal.SIGKILL)
    well(archived.run())


def _wait_for_commits(archived: Archived, running: "subprocess.Popen[str]", count: int) -> None:
    """So many more in one of the tables."""
    before = {topic: archived.commits(topic) for topic in TOPICS}
    _wait(running, lambda: any(archived.commits(each) >= before[each] + count for each in TOPICS))


def _wait_for_lock(archived: Archived, running: "subprocess.Popen[str]") -> None:
    lock = archived.layout.lock
    _wait(running, lambda: str(running.pid) in lock.read_text())


def _wait(running: "subprocess.Popen[str]", holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert running.poll() is None, running.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)
