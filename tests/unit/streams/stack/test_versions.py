"""The workers of index versions come and go as `control` says."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from msgspec.structs import replace

from processors.builtin import built_in
from schemas.codec import encode
from schemas.control import IndexVersion, key_of
from schemas.envelope import headers
from schemas.topics import type_of
from streams.config import Settings
from streams.stack.part import Part
from streams.stack.versions import ROLES, VersionParts
from tests.doubles.log import MemoryLog
from tests.topology.roles import turns

FIRST = next(one for one in built_in("reader") if isinstance(one, IndexVersion))


class Host:
    """Remembers what runs."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}

    def add(self, part: Part) -> None:
        """Start a part."""
        assert part.name not in self.parts
        self.parts[part.name] = part

    async def remove(self, name: str) -> None:
        """Stop a part."""
        del self.parts[name]


class Stack:
    """The watcher over a log in memory."""

    def __init__(self, log: MemoryLog, settings: Settings, roles: tuple[str, ...] = ROLES) -> None:
        self.log = log
        self.host = Host()
        self.news: list[str] = []
        parts = VersionParts(settings, log, roles, self.host, self.news.append)
        self.task = asyncio.create_task(parts.run())

    async def say(self, name: str, state: str, revision: int) -> None:
        """A change of a version."""
        event = replace(FIRST, name=name, state=state, revision=revision)
        name_ = headers(type_of(event), source="test", time=1)
        self.log.append("control", key_of(event), encode(event), name_)
        await turns()

    @property
    def running(self) -> list[str]:
        """The names of the parts."""
        return sorted(self.host.parts)


@pytest_asyncio.fixture
async def stack() -> AsyncIterator[Stack]:
    """Watching."""
    made = Stack(MemoryLog(), Settings())
    await turns()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def test_a_version_has_workers_from_its_building_to_its_retirement(stack: Stack) -> None:
    """That of the settings has its own from the beginning."""
    assert stack.running == []
    await stack.say("v2", "building", 1)
    assert stack.running == ["indexer@v2", "writer@v2"]
    await stack.say("v2", "serving", 2)
    await stack.say("v3", "building", 1)
    assert stack.running == ["indexer@v2", "indexer@v3", "writer@v2", "writer@v3"]
    await stack.say("v2", "retired", 3)
    assert stack.running == ["indexer@v3", "writer@v3"]


async def test_a_worker_is_told_its_version_and_a_port_of_its_own(stack: Stack) -> None:
    """Two indexers on one machine must not meet."""
    await stack.say("v2", "building", 1)
    command = stack.host.parts["indexer@v2"].prepare()
    assert command.env["FRESHET_INDEX_VERSION"] == "v2"
    port = command.env["FRESHET_METRICS__PORTS__INDEXER"]
    assert int(port) != Settings().metrics.ports["indexer"]
    assert stack.host.parts["indexer@v2"].address.endswith(port)


async def test_what_control_said_before_is_found_at_the_start() -> None:
    """A stack that starts anew has what it had; but for the roles that it does not run."""
    log = MemoryLog()
    first = Stack(log, Settings())
    await first.say("v2", "building", 1)
    first.task.cancel()
    moved = Stack(log, Settings(index_version="v2"), ("indexer",))
    await turns()
    assert moved.running == ["indexer@v1"]
    moved.task.cancel()
    await asyncio.gather(first.task, moved.task, return_exceptions=True)
