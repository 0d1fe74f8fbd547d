"""Index versions made, declared whole, switched to and retired: each an event in `control`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from processors.builtin import built_in
from processors.control import Control
from processors.indexversions import frozen, moved, routes_using, serving, used_by, versions
from processors.version import IndexSpec, InvalidSpec, spec_of
from schemas.control import ControlEvent, IndexVersion, Route, key_of
from streams.clients.kafka import LogClient
from streams.config import Settings
from streams.control import put, read_control
from streams.errors import FreshetError
from streams.said import Said
from streams.versions.behind import Standing, standing
from streams.versions.known import kept_in_step, known


class Refused(FreshetError):
    """A change that would harm; says what to do first."""


class TooSoon(Refused):
    """Questions that were admitted before a route changed may be under way for `left_s` yet."""

    def __init__(self, left_s: float) -> None:
        super().__init__(
            "a route was changed a moment ago, and questions may be under way as it was; try "
            f"again in {left_s:.0f} s"
        )
        self.left_s = left_s


class Switched(NamedTuple):
    """A route that goes over to another index version; `old` is `new` where it was so already."""

    route: str
    old: str
    new: str


async def in_force(log: LogClient, settings: Settings) -> Control:
    """All that is in force now."""
    return await read_control(log, built_in(settings.triton.reader))


async def make(
    log: LogClient,
    settings: Settings,
    spec: IndexSpec,
    author: Said,
    as_of: int | None = None,
    applied: Mapping[str, int] = MappingProxyType({}),
) -> IndexVersion:
    """Say that an index version is to be built, or find that it is already.

    One that is to stand still does so at `as_of`, where it shows `documents` up to `applied`.

    Raises:
        Refused: there is one of that name with other settings, or it is retired.
        Conflict: somebody else made it at the same time.
    """
    control = await in_force(log, settings)
    if (there := versions(control).get(spec.name)) is not None:
        _check_same(there, spec)
        return there
    fields = msgspec.to_builtins(spec)
    version = msgspec.convert(
        {
            "kind": "index",
            "state": "building",
            "revision": control.revision(f"index/{spec.name}") + 1,
            "as_of": as_of,
            "applied": dict(applied),
            **fields,
            **author._asdict(),
        },
        IndexVersion,
    )
    await _put(log, settings, version)
    return version


async def declare_whole(
    log: LogClient, settings: Settings, name: str, complete_from: int, author: Said
) -> None:
    """Say that a version has caught up, and from which index time on it is whole."""
    control = await in_force(log, settings)
    version = kept_in_step(control, name)
    if version.state == "building":
        author = author._replace(why=author.why or version.why)
        whole = _next(control, version, author, state="serving", complete_from=complete_from)
        await _put(log, settings, whole)


async def switch(
    log: LogClient,
    settings: Settings,
    name: str,
    routes: Sequence[str],
    author: Said,
    *,
    old: str | None = None,
    within_s: float | None = None,
) -> list[Switched]:
    """Let routes answer from an index version, in place of `old` or of the only one they use.

    `within_s` bounds how far it may be behind, in seconds; None does not.

    Raises:
        Refused: there is no such route, it uses several versions, or the new one is behind.
        NoSuchVersion: the version is retired, or there never was one.
        Conflict: somebody else changed a route at the same time.
    """
    control = await in_force(log, settings)
    version = kept_in_step(control, name)
    stands = await standing(log, name, author.at, frozen(version))
    _check_standing(version, stands, within_s)
    planned = [_other(control, route, old, name, author) for route in routes]
    for change, switched in planned:
        if switched.old != switched.new:
            await _put(log, settings, change)
    return [switched for _, switched in planned]


async def retire(log: LogClient, settings: Settings, name: str, author: Said) -> None:
    """Keep a version in step with the log no longer.

    Raises:
        Refused: it is used.
        TooSoon: a route used it until a moment ago.
    """
    control = await in_force(log, settings)
    version = known(control, name)
    if version.state == "retired":
        return
    if used := routes_using(control, name):
        raise Refused(
            f"{name} answers the questions of {', '.join(used)}; switch them to another index "
            "version first: `freshet index switch`"
        )
    if not serving(control) - {name}:
        raise Refused(f"{name} is the only index version that serves; build another one first")
    if name == settings.index_version:
        raise Refused(
            f"{name} is the setting index_version, which the gateway and the commands tell of; set "
            "it to another one, start the stack anew, and retire this one then"
        )
    if (left_s := _under_way(control, settings, author.at)) > 0:
        raise TooSoon(left_s)
    await _put(log, settings, _next(control, version, author, state="retired"))


def _check_same(there: IndexVersion, spec: IndexSpec) -> None:
    if there.state == "retired":
        raise Refused(f"{there.name} was built and retired: choose another name")
    try:
        same = spec_of(there) == spec
    except InvalidSpec:
        same = False
    if not same:
        raise Refused(
            f"there is an index version {there.name} with other settings, which never change; "
            f"`freshet index show {there.name}` tells them: choose another name"
        )


def _check_standing(version: IndexVersion, stands: Standing, within_s: float | None) -> None:
    if version.state == "building":
        raise Refused(
            f"{version.name} is still being built: {stands.behind} events of documents behind; "
            f"`freshet index build {version.name}` waits until it is whole"
        )
    if within_s is not None and stands.behind_s > within_s:
        raise Refused(
            f"{version.name} is {stands.behind_s:.0f} s and {stands.behind} events behind, more "
            f"than {within_s:g} s; `freshet status` shows whether its indexer and writer run, "
            "--force switches at once"
        )


def _other(
    control: Control, route: str, old: str | None, new: str, author: Said
) -> tuple[Route, Switched]:
    found = control.of(Route).get(route)
    if found is None:
        raise Refused(f"there is no route {route}; there are {', '.join(control.of(Route))}")
    used = used_by(found)
    if old is None and len(used) > 1:
        raise Refused(
            f"the route {route} uses {' and '.join(sorted(used))}; say with --from which of them "
            "is to give way"
        )
    before = next(iter(used)) if old is None else old
    if before not in used:
        raise Refused(f"the route {route} does not use {before}, but {', '.join(sorted(used))}")
    change = replace(
        moved(found, before, new),
        revision=control.revision(key_of(found)) + 1,
        **author._asdict(),
    )
    return change, Switched(route, before, new)


def _under_way(control: Control, settings: Settings, now: int) -> float:
    """For how many seconds yet questions may be answered as a route said before it changed."""
    changed = max((route.at for route in control.all(Route).values()), default=0)
    return (changed - now) / 1e6 + settings.limits.answer_deadline_s


async def _put(log: LogClient, settings: Settings, change: ControlEvent) -> None:
    await put(log, change, built_in(settings.triton.reader))


def _next(control: Control, version: IndexVersion, author: Said, **changes: object) -> IndexVersion:
    return replace(
        version,
        revision=control.revision(key_of(version)) + 1,
        **author._asdict(),
        **changes,
    )
