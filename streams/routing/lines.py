"""What the commands say of routes: lines, or JSON."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from processors.registry import resolve
from schemas.control import EVERYBODY, Branch, Route
from schemas.times import format_time
from streams.routing.registry import Changed, Routes


def listed(routes: Routes, *, as_json: bool) -> Iterator[str]:
    """A line a route, and one for whatever it lacks."""
    for route in routes.all():
        lacking = routes.faults(route)
        if as_json:
            yield json.dumps({**plain(route), "lacks": lacking})
            continue
        whose = "everybody" if route.name == EVERYBODY else ",".join(route.tenants)
        revision = str(routes.revision(route.name) or "built in")
        yield "\t".join((route.name, whose, shares(route), revision, route.by, route.why))
        yield from (f"{route.name}\tlacks\t{fault}" for fault in lacking)


def shown(routes: Routes, route: Route) -> Iterator[str]:
    """A route with its branches, and what their references stand for."""
    whose = ", ".join(route.tenants) or "everybody whom no other route names"
    made = f"by {route.by} at {format_time(route.at)}: {route.why}" if route.at else "built in"
    yield f"{route.name} serves {whose}"
    yield f"  revision {routes.revision(route.name)}, {made}"
    yield from (f"  {_branch(routes, branch)}" for branch in route.branches)
    yield from (f"  lacks: {fault}" for fault in routes.faults(route))


def told(change: Changed, *, as_json: bool) -> str:
    """When, which revision, who, what and why."""
    route = change.route
    if as_json:
        return json.dumps({**plain(route), "at": format_time(route.at)})
    what = "removed" if route.removed else shares(route)
    return "\t".join(
        (format_time(route.at), route.name, str(route.revision), route.by, what, route.why)
    )


def plain(route: Route) -> dict[str, Any]:
    """A route's event, with every share."""
    fields: dict[str, Any] = msgspec.to_builtins(route)
    every = [{**msgspec.to_builtins(one), "share": one.share} for one in route.branches]
    return {**{name: fields[name] for name in fields if name != "kind"}, "branches": every}


def shares(route: Route) -> str:
    """`main 90%, terse 10%, llm 20% unseen`."""
    return ", ".join(
        f"{one.name} {100 * one.share:g}%{' unseen' if one.shadow else ''}"
        for one in route.branches
    )


def _branch(routes: Routes, branch: Branch) -> str:
    parts = [
        branch.name,
        f"{100 * branch.share:g}%{' unseen' if branch.shadow else ''}",
        f"prompt {_reference(routes, 'prompt', branch.prompt)}",
        f"model {_reference(routes, 'model', branch.model)}",
        f"index {branch.index_version}",
    ]
    if branch.top_k is not None:
        parts.append(f"top_k {branch.top_k}")
    if branch.dense_weight is not None:
        parts.append(f"dense_weight {branch.dense_weight:g}")
    return "\t".join(parts)


def _reference(routes: Routes, of: Any, reference: str) -> str:
    version = resolve(routes.control, of, reference).version
    return reference if version == reference else f"{reference} ({version})"
