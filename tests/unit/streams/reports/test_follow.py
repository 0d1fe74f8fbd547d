"""A report for each window of event time once it is closed, and for none twice."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitoring.reports import MadeReport
from streams.errors import FreshetError
from streams.reports.choose import Wanted
from streams.reports.follow import BACKLOG, Follower, alone
from streams.reports.make import Maker, NothingToCompare

HOUR = 3600
LATE = 10
ACME = Wanted(tenant="acme")


class Made:
    """A maker that writes down what it is asked for."""

    def __init__(self, path: Path) -> None:
        self.workspace = path
        self.windows: list[Mapping[str, str]] = []
        self.said: list[str] = []
        self.empty: set[str] = set()

    def say(self, text: str) -> None:
        """Write down what is said."""
        self.said.append(text)

    async def make(self, wanted: Wanted, metadata: dict[str, str]) -> MadeReport:
        """Of a window that is not empty."""
        assert metadata["window"] == f"{wanted.current.since}/{wanted.current.until}"
        if metadata["window"] in self.empty:
            raise NothingToCompare("too few")
        self.windows.append(metadata)
        return MadeReport(id=metadata["window"], project_id="p", drifted=[], compared=1)


class JudgedUpTo:
    """A log of a response a second, of which the judge has come to some."""

    def __init__(self) -> None:
        self.judged = 10**9

    async def since(self, topic: str, timestamp_ms: int) -> dict[int, int]:
        """One partition; offsets are seconds."""
        return {0: timestamp_ms // 1000}

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Where the judge goes on."""
        return {0: self.judged}


class Watch:
    """A clock that a test sets, in seconds."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __call__(self) -> int:
        """Microseconds."""
        return self.seconds * 1_000_000


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Knows what it has made, as the workspace does."""
    maker = Made(tmp_path)
    monkeypatch.setattr("streams.reports.follow.kept_metadata", lambda *_: maker.windows)
    return maker


def follower(made: Made, log: JudgedUpTo, clock: Watch) -> Follower:
    maker: Maker = made  # type: ignore[assignment]
    return Follower(maker, log, ACME, HOUR * 1_000_000, LATE * 1_000_000, clock)


async def found(following: Follower) -> list[int]:
    """The hours whose windows were reported now."""
    ids = [report.id async for report in following.reports()]
    return [int(name.partition("/")[0]) // (HOUR * 1_000_000) for name in ids]


async def test_a_window_is_reported_once_it_is_closed(made: Made) -> None:
    """At the start the last one; then each as the lateness after its end has passed."""
    clock = Watch(100 * HOUR + LATE - 1)
    following = follower(made, JudgedUpTo(), clock)
    assert await found(following) == [98]
    clock.seconds += 1
    assert await found(following) == [99]
    assert await found(following) == []


async def test_a_window_waits_for_the_judge(made: Made) -> None:
    """Answers that are not judged yet may belong to it."""
    log, clock = JudgedUpTo(), Watch(100 * HOUR + LATE)
    log.judged = 100 * HOUR + LATE - 1
    following = follower(made, log, clock)
    assert await found(following) == []
    log.judged += 1
    assert await found(following) == [99]


async def test_a_second_run_goes_on_after_the_last_report(made: Made) -> None:
    """It makes up for what closed meanwhile, though not for all of a long time, and doubles none.

    Windows of another length are others.
    """
    log = JudgedUpTo()
    assert await found(follower(made, log, Watch(100 * HOUR + LATE))) == [99]
    made.windows.append({"window": f"0/{10**15}"})
    made.windows.append({})
    assert await found(follower(made, log, Watch(100 * HOUR + LATE))) == []
    assert await found(follower(made, log, Watch(103 * HOUR))) == [100, 101]
    much_later = await found(follower(made, log, Watch(900 * HOUR + LATE)))
    assert much_later == list(range(899 - BACKLOG, 900))


async def test_a_window_with_too_few_answers_is_passed_over(made: Made) -> None:
    """It is said, and the next one comes."""
    clock = Watch(100 * HOUR + LATE)
    hour = HOUR * 1_000_000
    made.empty = {f"{99 * hour}/{100 * hour}"}
    following = follower(made, JudgedUpTo(), clock)
    assert await found(following) == []
    assert made.said[-1] == "no report: too few"
    clock.seconds += HOUR
    assert await found(following) == [100]


def test_windows_of_a_project_are_made_by_one_at_a_time(tmp_path: Path) -> None:
    """Another project's may be made beside it."""
    with (
        alone(tmp_path, "acme/all routes"),
        alone(tmp_path, "other/all routes"),
        pytest.raises(FreshetError, match="made already"),
        alone(tmp_path, "acme/all routes"),
    ):
        pass
    with alone(tmp_path, "acme/all routes"):
        pass
