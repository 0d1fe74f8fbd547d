"""Routes in `control`, looked at and changed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec
from msgspec.structs import replace

from processors.control import Control
from processors.routes import faults
from processors.shares import grown
from schemas.codec import InvalidEvent, decode_as, encode
from schemas.control import EVERYBODY, Branch, ControlEvent, Route, key_of
from streams.clients.kafka import LogClient, Record
from streams.control import TOPIC, Conflict, put, read_control, take
from streams.errors import FreshetError
from streams.said import Said

_SEE = (
    "see `freshet routes list`, `freshet prompts list`, and `freshet tail control "
    "--from-beginning` for all the rest that is in force"
)


class NoSuchRoute(FreshetError):
    """There is none of that name, or it has no such branch."""


class RouteRefused(FreshetError):
    """A route that could not be used as it says."""


class Routes:
    """The routes as they stood when they were read.

    Every change here raises Conflict where somebody else made another since then, and
    RouteRefused where the route would name what is not there.
    """

    def __init__(self, log: LogClient, control: Control, built_in: Sequence[ControlEvent]) -> None:
        self._log = log
        self._built_in = built_in
        self.control = control

    @classmethod
    async def read(cls, log: LogClient, built_in: Sequence[ControlEvent]) -> Self:
        """As they stand now."""
        return cls(log, await read_control(log, built_in), built_in)

    def all(self) -> list[Route]:
        """Those in force, everybody's first, the others by name."""
        found = {EVERYBODY: self._everybodys(), **self.control.of(Route)}
        return sorted(found.values(), key=lambda route: (route.name != EVERYBODY, route.name))

    def get(self, name: str) -> Route:
        """The route of that name that is in force. Raises NoSuchRoute."""
        for route in self.all():
            if route.name == name:
                return route
        raise NoSuchRoute(
            f"there is no route {name!r}; `freshet routes list` shows those there are"
        )

    def revision(self, name: str) -> int:
        """Of the last change of that name; 0 before the first."""
        return self.control.revision(f"route/{name}")

    def faults(self, route: Route) -> list[str]:
        """What a route lacks to be used as it says."""
        return faults(self.control, route)

    def drafted(self, fields: Mapping[str, Any], said: Said) -> Route:
        """A route of these fields, not yet written.

        `revision`, where it is among them, is the one that it was made from.

        Raises:
            Conflict: it was made from another revision than the one in force.
            RouteRefused: they are no route's.
        """
        name, seen = fields.get("name"), fields.get("revision")
        revision = self.revision(str(name))
        if seen is not None and seen != revision:
            raise Conflict(
                f"route {name} is at revision {revision}, and this was made from {seen}: "
                f"look at it (`freshet routes show {name}`), and do it anew"
            )
        named = {
            field: fields[field] for field in ("name", "branches", "tenants") if field in fields
        }
        try:
            return msgspec.convert(
                {**named, **said._asdict(), "kind": "route", "revision": revision + 1}, Route
            )
        except msgspec.ValidationError as error:
            raise RouteRefused(f"that is no route: {error}") from None

    def shifted(self, name: str, branch: str, share: float, said: Said) -> Route:
        """A route with another share of a branch; those of the others keep their proportions."""
        route = self.get(name)
        try:
            return self._of(route, grown(route.branches, branch, share), said)
        except ValueError as error:
            raise RouteRefused(f"route {name}: {error}") from None

    def shadowed(self, name: str, branch: str, fields: Mapping[str, Any], said: Said) -> Route:
        """A route with a branch that answers unseen: a new one, or a shadow that is changed.

        Where a field is None it is as it was, or as the route's first branch has it.
        """
        route = self.get(name)
        like = next((one for one in route.branches if one.name == branch), route.branches[0])
        if like.name == branch and not like.shadow:
            raise RouteRefused(f"the answers of {name}/{branch} are shown: it is no shadow")
        if like.name != branch:
            like = replace(like, name=branch, shadow=True, top_k=None, dense_weight=None)
        given = {field: value for field, value in fields.items() if value is not None}
        others = [one for one in route.branches if one.name != branch]
        return self._of(route, [*others, replace(like, **given)], said)

    def unshadowed(self, name: str, branch: str, said: Said) -> Route:
        """A route without one of its shadows."""
        route = self.get(name)
        kept = [one for one in route.branches if one.name != branch or not one.shadow]
        if len(kept) == len(route.branches):
            raise NoSuchRoute(f"route {name} has no shadow {branch!r}")
        return self._of(route, kept, said)

    async def set(self, route: Route) -> None:
        """Write a route that was drafted.

        What the one in force lacks already does not stand in the way: who shifts questions away
        from a branch that has lost its prompt must be able to.
        """
        before = self.control.of(Route).get(route.name)
        known = [] if before is None else self.faults(before)
        if lacking := [fault for fault in self.faults(route) if fault not in known]:
            raise RouteRefused(f"route {route.name}: {'; '.join(lacking)}; {_SEE}")
        await self._put(route)

    async def remove(self, name: str, said: Said) -> Route:
        """Take a route out of force: its tenants go everybody's way, everybody the built-in one."""
        route, revision = self.get(name), self.revision(name)
        if not revision or route is self.control.built_in(key_of(route)):
            raise RouteRefused(f"route {name} is what is built in: there is nothing to take away")
        removed = replace(route, removed=True, revision=revision + 1, **said._asdict())
        await self._put(removed)
        return removed

    def _of(self, route: Route, branches: Sequence[Branch], said: Said) -> Route:
        plain = msgspec.to_builtins(list(branches))
        return self.drafted({"name": route.name, "branches": plain, "tenants": route.tenants}, said)

    def _everybodys(self) -> Route:
        built_in = self.control.built_in(f"route/{EVERYBODY}")
        assert isinstance(built_in, Route), "whoever reads routes knows what is built in"
        return built_in

    async def _put(self, route: Route) -> None:
        try:
            decode_as(Route, encode(route))
        except InvalidEvent as error:
            raise RouteRefused(f"that is no route: {error}") from None
        await put(self._log, route, self._built_in)
        self.control.observe(route)


class Changed(NamedTuple):
    """A change of a route that counts, and when the broker had it: microseconds."""

    route: Route
    logged_at: int


async def changes(
    log: LogClient, built_in: Sequence[ControlEvent], name: str | None = None
) -> AsyncIterator[Changed]:
    """Every change that counts, of one route or of all; by key in the order of the log."""
    control = Control(built_in)
    async for record in log.read(TOPIC):
        event = take(control, record).event
        if isinstance(event, Route) and name in (None, event.name):
            yield Changed(event, _logged(record))


async def last_change(log: LogClient, built_in: Sequence[ControlEvent], name: str) -> int:
    """When a route was last changed, by the broker's clock: microseconds, 0 where it never was."""
    found = [one.logged_at async for one in changes(log, built_in, name)]
    return max(found, default=0)


def _logged(record: Record) -> int:
    return record.timestamp_ms * 1000
