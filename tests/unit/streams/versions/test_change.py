"""Index versions made, switched to and retired, each as an event that counts."""

import pytest
from msgspec.structs import replace

from processors.control import Control
from processors.indexversions import used_by
from processors.version import IndexSpec
from schemas.codec import encode
from schemas.control import Branch, IndexVersion, Route
from schemas.index import IndexProgress
from schemas.topics import progress_topic
from streams.config import Kafka, Settings
from streams.control import put
from streams.said import Said
from streams.versions.change import (
    Refused,
    Switched,
    TooSoon,
    declare_whole,
    in_force,
    make,
    retire,
    switch,
)
from streams.versions.known import NoSuchVersion, known
from tests.doubles.log import MemoryLog

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND
SPEC = IndexSpec(name="v2")
SETTINGS = Settings(kafka=Kafka(partitions=2))


class Clock:
    """The broker's."""

    now = NOW

    def __call__(self) -> int:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock) -> MemoryLog:
    return MemoryLog(2, clock)


def by(at: int = NOW) -> Said:
    """Somebody, at a time."""
    return Said("ana", "a trial", at)


def applied(log: MemoryLog, name: str, offset: int, at: int = NOW) -> None:
    """Every partition shows `documents` up to an offset."""
    for partition in range(2):
        progress = IndexProgress(
            partition=partition,
            index_version=name,
            index_time=at,
            applied=offset,
            changes_offset=0,
        )
        log.append(progress_topic(name), str(partition), encode(progress), (), partition)


async def made(log: MemoryLog, spec: IndexSpec = SPEC) -> None:
    """A version that is whole."""
    await make(log, SETTINGS, spec, by())
    await declare_whole(log, SETTINGS, spec.name, NOW, by())


async def versions_of(log: MemoryLog) -> set[str]:
    """What the default route uses."""
    return used_by((await in_force(log, SETTINGS)).of(Route)["default"])


async def test_a_version_is_made_once_and_found_the_second_time(log: MemoryLog) -> None:
    """Waiting goes on where it was broken off."""
    first = await make(log, SETTINGS, SPEC, by())
    again = await make(log, SETTINGS, SPEC, by(NOW + SECOND))
    assert (first.state, again) == ("building", first)
    assert len(log.all("control")) == 1


async def test_a_name_means_one_version_for_ever(log: MemoryLog) -> None:
    """Other settings ask for another name, and so does what is retired."""
    await made(log)
    with pytest.raises(Refused, match="other settings"):
        await make(log, SETTINGS, replace(SPEC, dimensions=768), by())
    await retire(log, SETTINGS, "v2", by())
    with pytest.raises(Refused, match="retired"):
        await make(log, SETTINGS, SPEC, by())


async def test_a_version_that_has_caught_up_serves_from_then_on(log: MemoryLog) -> None:
    """Said once: who says it later changes nothing."""
    await made(log)
    await declare_whole(log, SETTINGS, "v2", NOW + SECOND, by())
    version = known(await in_force(log, SETTINGS), "v2")
    assert (version.state, version.complete_from) == ("serving", NOW)


async def test_a_route_goes_over_and_back_by_the_same_command(log: MemoryLog) -> None:
    """The one version that it uses gives way."""
    await made(log)
    applied(log, "v2", -1)
    there = await switch(log, SETTINGS, "v2", ["default"], by(), within_s=1)
    assert there == [Switched("default", "v1", "v2")]
    assert await versions_of(log) == {"v2"}
    applied(log, "v1", -1)
    await switch(log, SETTINGS, "v1", ["default"], by(), within_s=1)
    assert await versions_of(log) == {"v1"}
    written = len(log.all("control"))
    await switch(log, SETTINGS, "v1", ["default"], by(), within_s=1)
    assert len(log.all("control")) == written


async def test_what_is_not_whole_or_far_behind_is_not_switched_to(
    log: MemoryLog, clock: Clock
) -> None:
    """How far behind it may be is asked; that it is whole is not."""
    await make(log, SETTINGS, SPEC, by())
    for within_s in (10, None):
        with pytest.raises(Refused, match="still being built"):
            await switch(log, SETTINGS, "v2", ["default"], by(), within_s=within_s)
    await declare_whole(log, SETTINGS, "v2", NOW, by())
    applied(log, "v2", -1)
    log.append("documents", "a", b"{}")
    late = by(NOW + 11 * SECOND)
    with pytest.raises(Refused, match="11 s and 1 events behind"):
        await switch(log, SETTINGS, "v2", ["default"], late, within_s=10)
    assert await versions_of(log) == {"v1"}
    await switch(log, SETTINGS, "v2", ["default"], late, within_s=None)
    assert await versions_of(log) == {"v2"}


async def test_a_route_that_uses_several_is_told_which_gives_way(log: MemoryLog) -> None:
    """What it does not use cannot."""
    await made(log)
    route = (await in_force(log, SETTINGS)).of(Route)["default"]
    shadow = Branch(
        name="shadow", index_version="v2", prompt="answer@1", model="reader@1", shadow=True
    )
    await put(log, replace(route, revision=1, branches=[*route.branches, shadow]))
    with pytest.raises(Refused, match="--from"):
        await switch(log, SETTINGS, "v2", ["default"], by())
    with pytest.raises(Refused, match="does not use v9"):
        await switch(log, SETTINGS, "v2", ["default"], by(), old="v9")
    await switch(log, SETTINGS, "v2", ["default"], by(), old="v1")
    assert await versions_of(log) == {"v2"}


async def test_there_must_be_such_a_route_and_such_a_version(log: MemoryLog) -> None:
    """The message names those that there are."""
    await made(log)
    with pytest.raises(Refused, match="default"):
        await switch(log, SETTINGS, "v2", ["nowhere"], by())
    with pytest.raises(NoSuchVersion, match="v1, v2"):
        await switch(log, SETTINGS, "v3", ["default"], by())


async def test_what_is_used_is_not_retired(log: MemoryLog) -> None:
    """Neither by a route nor by the settings, nor while its questions may be under way."""
    await made(log)
    with pytest.raises(Refused, match="default"):
        await retire(log, SETTINGS, "v1", by())
    await switch(log, SETTINGS, "v2", ["default"], by())
    with pytest.raises(Refused, match="index_version"):
        await retire(log, SETTINGS, "v1", by(NOW + 60 * SECOND))
    moved = SETTINGS.model_copy(update={"index_version": "v2"})
    with pytest.raises(TooSoon) as soon:
        await retire(log, moved, "v1", by(NOW + 10 * SECOND))
    assert soon.value.left_s == pytest.approx(20)
    await retire(log, moved, "v1", by(NOW + 31 * SECOND))
    control: Control = await in_force(log, SETTINGS)
    assert control.of(IndexVersion)["v1"].state == "retired"
