"""What the commands of `freshet routes` begin with."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from streams.connected import with_log
from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.control import ControlEvent, Route
    from streams.clients.kafka import LogClient
    from streams.routing.registry import Changed, Routes

_T = TypeVar("_T")


def with_routes(work: Callable[["Routes"], Awaitable[_T]]) -> _T:
    """The result of `work`, given the routes as they stand now."""
    from streams.routing.registry import Routes

    async def on(log: "LogClient") -> _T:
        return await work(await Routes.read(log, built_in()))

    return asyncio.run(with_log(on))


def look() -> "Routes":
    """The routes as they stand now, to look at."""

    async def work(routes: "Routes") -> "Routes":
        return routes

    return with_routes(work)


def changed(name: str | None) -> "list[Changed]":
    """Every change of a route, or of all, the oldest first."""

    async def work(log: "LogClient") -> "list[Changed]":
        from streams.routing.registry import changes

        return [one async for one in changes(log, built_in(), name)]

    return sorted(asyncio.run(with_log(work)), key=lambda one: one.logged_at)


def built_in() -> list["ControlEvent"]:
    """What is in force without any event."""
    from processors.builtin import built_in as made
    from streams import config

    return made(config.load().triton.reader)


async def served(routes: "Routes", route: "Route", say: Callable[[str], None]) -> None:
    """See that the models of a route are there.

    A model server that cannot be reached from here is no reason against it: `say` tells of it.

    Raises:
        RouteRefused: the server is there, and a model is not.
    """
    from processors.registry import resolve
    from streams import config
    from streams.clients.readers import is_served
    from streams.routing.registry import RouteRefused

    url = config.load().triton.grpc
    for model in _each(
        resolve(routes.control, "model", one.model).version for one in route.branches
    ):
        found = await is_served(url, model)
        if found is None:
            say(f"no model server at {url} says whether there is a {model}; it is taken for there")
            return
        if not found:
            raise RouteRefused(
                f"there is no model {model} at {url}; `freshet doctor` looks into it"
            )


def definition(text: str, source: str) -> dict[str, Any]:
    """A route as `show --json` prints it, or a part of that."""
    import msgspec

    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FreshetError(f"{source} is no route: {error}") from None
    return found


def _each(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(found))
