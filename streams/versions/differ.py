"""Two states of the index beside one another, read from the log."""

from typing import Any, NamedTuple

import msgspec

from processors.indexdiff import Contents, IndexDifference, difference
from processors.version import settings_of, spec_of
from schemas.control import IndexVersion
from schemas.times import format_time
from schemas.topics import changes_topic
from streams.clients.kafka import LogClient, MissingTopic
from streams.config import Settings
from streams.errors import FreshetError
from streams.labels import moment
from streams.versions.change import in_force
from streams.versions.known import known
from streams.versions.steps import steps


class State(NamedTuple):
    """An index version as it is, or was at an index time (µs)."""

    version: str
    at: int | None

    @property
    def shown(self) -> str:
        """As people name it."""
        return self.version if self.at is None else f"{self.version}@{format_time(self.at)}"


class Differing(NamedTuple):
    """What two states differ in."""

    settings: dict[str, list[Any]]
    """Setting to its two values, where they are two."""
    found: IndexDifference

    def plain(self) -> dict[str, Any]:
        """For machines."""
        return {"settings": self.settings, **msgspec.to_builtins(self.found)}


def state(text: str, at: str | None) -> State:
    """`NAME` or `NAME@TIME`; without a time of its own that of `--at`. Raises FreshetError."""
    name, _, time = text.partition("@")
    return State(name, moment(text, time) if time else moment("--at", at))


async def differ(
    log: LogClient, settings: Settings, one: State, other: State, only: str | None
) -> Differing:
    """Compare two states; `only` is a document to look at alone.

    Raises:
        NoSuchVersion: there is none of that name.
        FreshetError: a version was not whole at that time, or has not come to it.
    """
    control = await in_force(log, settings)
    versions = [known(control, each.version) for each in (one, other)]
    first, second = (settings_of(spec_of(version)) for version in versions)
    before = await _contents(log, versions[0], one, only)
    after = await _contents(log, versions[1], other, only)
    unlike = {name: [first[name], second[name]] for name in first if first[name] != second[name]}
    return Differing(unlike, difference(before, after))


async def _contents(
    log: LogClient, version: IndexVersion, state: State, only: str | None
) -> Contents:
    since = version.complete_from
    if state.at is not None and (since is None or state.at < since):
        told = "is still being built" if since is None else f"is whole from {format_time(since)} on"
        raise FreshetError(f"{version.name} {told}: it has no state of {format_time(state.at)}")
    found = Contents(state.at, only)
    try:
        partitions = await log.ends(changes_topic(version.name))
        async for partition, step in steps(log, version.name):
            found.add(partition, step.index_time, step.parts)
    except MissingTopic:
        return found  # nobody has begun to build it
    newest = min(found.newest.get(partition, 0) for partition in partitions)
    if state.at is not None and newest < state.at and version.as_of is None:
        raise FreshetError(f"{version.name} has not come to {format_time(state.at)}")
    return found


def text(one: State, other: State, differing: Differing) -> str:
    """For people."""
    found = differing.found
    lines = [f"{name}\t{first}\t{second}" for name, (first, second) in differing.settings.items()]
    a, b = one.shown, other.shown
    for what in ("documents", "passages", "units"):
        count = getattr(found, what)
        lines.append(
            f"{what}: {count.both} in both, {count.only_one} in {a} alone, "
            f"{count.only_other} in {b} alone"
        )
    lines.append(f"{found.changed} documents with another text, {found.cut} cut otherwise")
    said = {
        "only_one": f"in {a} alone",
        "only_other": f"in {b} alone",
        "changed": "another text",
        "cut": "cut otherwise",
    }
    for example in found.examples:
        lines.append(f"{example.doc_id}: {said[example.kind]}")
        lines += [f"  - {_line(passage)}" for passage in example.only_one]
        lines += [f"  + {_line(passage)}" for passage in example.only_other]
    return "\n".join(lines)


def _line(passage: str) -> str:
    return " ".join(passage.split())
