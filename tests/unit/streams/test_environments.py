"""Whose topics are whose."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.codec import encode
from schemas.control import Environment
from streams import config
from streams.config import ROOT
from streams.control import put, read_control
from streams.environments import check, claim, owner_of
from streams.errors import ConfigError, WrongEnvironment
from streams.said import Said
from tests.doubles.log import MemoryLog

WHO = Said("ana", "started", 1)
PAGES = ROOT / "docs" / "environments"
Load = Callable[[Path], config.Settings]
NAMES = ("dev", "staging", "production")


async def owner(log: MemoryLog) -> str:
    """Whose the topics are."""
    return owner_of(await read_control(log))


async def test_the_first_to_name_itself_has_the_topics() -> None:
    """To start again changes nothing; whoever names another, or none, does not start."""
    log = MemoryLog()
    await claim(log, "", WHO)
    assert await owner(log) == ""
    await claim(log, "staging", WHO)
    await claim(log, "staging", WHO)
    for name in ("production", ""):
        with pytest.raises(WrongEnvironment, match="staging"):
            await claim(log, name, WHO)
    assert (await owner(log), len(log.all("control"))) == ("staging", 1)


async def test_of_two_who_start_at_once_one_has_them() -> None:
    """The other is told, whether it is of the same environment or not."""
    log = MemoryLog()
    quicker = Environment(name="staging", revision=1, by="ben", why="", at=1)

    def between(_: object) -> None:
        log.before_append = None
        log.append("control", "environment/this", encode(quicker))

    log.before_append = between
    await claim(log, "staging", WHO)
    log = MemoryLog()
    log.before_append = between
    with pytest.raises(WrongEnvironment):
        await claim(log, "production", WHO)
    assert await owner(log) == "staging"


async def test_topics_that_are_given_up_can_be_taken_by_another() -> None:
    """By an event that marks the claim as removed."""
    log = MemoryLog()
    await claim(log, "staging", WHO)
    gone = Environment(name="staging", revision=2, by="ana", why="moved", at=2, removed=True)
    await put(log, gone)
    await claim(log, "production", WHO)
    assert await owner(log) == "production"


@pytest.mark.parametrize(
    ("owner", "name", "holds"),
    [
        ("", "", True),
        ("", "dev", True),
        ("dev", "dev", True),
        ("dev", "", False),
        ("a", "b", False),
    ],
)
def test_what_is_another_s_is_left_alone(owner: str, name: str, holds: bool) -> None:
    """What is nobody's is anybody's to read."""
    if holds:
        check(owner, name, "these topics", "kafka.prefix")
        return
    with pytest.raises(WrongEnvironment, match=r"kafka\.prefix"):
        check(owner, name, "these topics", "kafka.prefix")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a file's settings."""

    def of(path: Path) -> config.Settings:
        monkeypatch.setenv("FRESHET_CONFIG", str(path))
        return config.load()

    return of


def test_each_environment_is_a_few_settings_over_the_same_code(load: Load) -> None:
    """Their prefixes, folders and ports meet nowhere."""
    found = {name: load(PAGES / f"{name}.yaml") for name in NAMES}
    assert [settings.environment for settings in found.values()] == list(NAMES)
    for part in (
        lambda one: one.kafka.prefix,
        lambda one: one.milvus.prefix,
        lambda one: one.state_dir,
        lambda one: (one.gateway.host, one.gateway.port),
    ):
        assert len({part(settings) for settings in found.values()}) == len(NAMES)
    topics = [f"{one.kafka.prefix}control" for one in found.values()]
    assert all(topic.endswith(".control") for topic in topics), "a prefix ends where a name begins"


def test_an_environment_has_a_plain_name(load: Load, tmp_path: Path) -> None:
    """It stands in events and in collections."""
    (tmp_path / "x.yaml").write_text("environment: Staging 2\n")
    with pytest.raises(ConfigError, match="environment"):
        load(tmp_path / "x.yaml")
