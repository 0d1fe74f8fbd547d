"""`freshet tenants list | show | set | suspend | resume | log`: who asks, and what they may."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from streams.connected import with_log
from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.control import Tenant
    from streams.clients.kafka import LogClient
    from streams.tenants import Tenants

_T = TypeVar("_T")
_NONE = "none"
_LIMITS = (
    "question_characters",
    *("top_k", "max_tokens", "past_s", "document_bytes", "documents", "in_hand"),
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A tenant's.")]
Why = Annotated[str, typer.Option(help="The reason, for those who read the log later.")]
Revision = Annotated[
    int | None,
    typer.Option(help="The one that you saw: whoever changed it since is not overwritten."),
]
Limit = Annotated[str | None, typer.Option(help="`none` takes the limit away.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Tenants: groups and limits.", no_args_is_help=True)
    group.command(name="list")(list_)
    group.command(name="set")(set_)
    for command in (show, suspend, resume, log):
        group.command()(command)
    app.add_typer(group, name="tenants")


def list_(as_json: AsJson = False) -> None:
    """Every tenant that has a key or of whom something was said: state, priority, groups."""

    async def work(tenants: "Tenants") -> list[dict[str, Any]]:
        return [_plain(tenants, one.name) for one in tenants.all()]

    for one in _with_tenants(work):
        if as_json:
            print(json.dumps(one))
        else:
            state = "suspended" if one["suspended"] else "active"
            keys = f"{len(one['keys'])} keys"
            print("\t".join((one["name"], state, one["priority"], keys, ",".join(one["groups"]))))


def show(name: Name, as_json: AsJson = False) -> None:
    """A tenant's groups, limits and keys. What has no limit is bounded as it is for everybody."""

    async def work(tenants: "Tenants") -> dict[str, Any]:
        return _plain(tenants, name)

    found = _with_tenants(work)
    if as_json:
        print(json.dumps(found))
        return
    for field, value in found.items():
        print(f"{field}: {json.dumps(value) if isinstance(value, list | dict) else value}")


def set_(
    name: Name,
    why: Why,
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", help="All its groups, group:NAME; repeatable, or `none`."),
    ] = None,
    join: Annotated[list[str] | None, typer.Option(help="One more group; repeatable.")] = None,
    leave: Annotated[list[str] | None, typer.Option(help="A group less; repeatable.")] = None,
    priority: Annotated[str | None, typer.Option(help="low, normal or high.")] = None,
    prefix: Annotated[
        str | None, typer.Option(help="What its documents' ids begin with, and nobody else's.")
    ] = None,
    question_characters: Limit = None,
    top_k: Limit = None,
    max_tokens: Limit = None,
    past: Annotated[
        str | None, typer.Option(help="How far back `as_of` may reach: 0s, 24h, 7d or none.")
    ] = None,
    document_bytes: Limit = None,
    documents: Limit = None,
    in_hand: Annotated[
        str | None, typer.Option(help="Requests at once, at each gateway; `none` for no limit.")
    ] = None,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a tenant; the rest stays."""
    from streams.durations import duration
    from streams.said import said

    past_s = past if past in (None, _NONE) else str(duration("--past", past))
    values = (question_characters, top_k, max_tokens, past_s, document_bytes, documents, in_hand)
    limits = {
        limit: _number(limit, value)
        for limit, value in zip(_LIMITS, values, strict=True)
        if value is not None
    }
    given: dict[str, Any] = {"priority": priority, "prefix": prefix, "limits": limits or None}
    changes: dict[str, Any] = {f: value for f, value in given.items() if value is not None}
    if prefix == _NONE:
        changes["prefix"] = None

    async def work(tenants: "Tenants") -> dict[str, Any]:
        if groups or join or leave:
            changes["groups"] = _groups(tenants.get(name), groups, join or [], leave or [])
        if not changes:
            raise FreshetError("say what to change; `freshet tenants set --help` lists it")
        await tenants.change(name, changes, said(why), revision)
        return _plain(await type(tenants).read(tenants.log), name)

    print(_shown(_with_tenants(work), as_json=as_json))


def suspend(name: Name, why: Why, as_json: AsJson = False) -> None:
    """Answer nothing more and take no more documents; what it keeps stays as it is."""
    _suspended(name, why, suspended=True, as_json=as_json)


def resume(name: Name, why: Why, as_json: AsJson = False) -> None:
    """Let a suspended tenant go on."""
    _suspended(name, why, suspended=False, as_json=as_json)


def log(name: Name, as_json: AsJson = False) -> None:
    """Every change of a tenant, of its quota and of its keys, the oldest first."""
    from streams.audit import of_tenant, shown

    for entry in asyncio.run(with_log(lambda log: of_tenant(log, name))):
        print(shown(entry, as_json=as_json))


def _suspended(name: str, why: str, *, suspended: bool, as_json: bool) -> None:
    from streams.said import said

    async def work(tenants: "Tenants") -> dict[str, Any]:
        if tenants.get(name).suspended != suspended:
            await tenants.change(name, {"suspended": suspended}, said(why))
        return _plain(await type(tenants).read(tenants.log), name)

    print(_shown(_with_tenants(work), as_json=as_json))


def _groups(
    tenant: "Tenant", groups: list[str] | None, join: list[str], leave: list[str]
) -> list[str]:
    from streams.tenants import named_groups

    kept = tenant.groups if groups is None else named_groups("--group", _none(groups))
    found = named_groups("--join", [*kept, *join])
    if missing := set(leave) - set(found):
        raise FreshetError(f"{tenant.name} does not belong to {', '.join(sorted(missing))}")
    return [group for group in found if group not in leave]


def _none(given: list[str]) -> list[str]:
    return [] if given == [_NONE] else given


def _number(limit: str, value: str) -> int | None:
    if value == _NONE:
        return None
    if not value.isdecimal():
        raise FreshetError(f"--{limit.replace('_', '-')} {value!r}: a number, or none")
    return int(value)


def _with_tenants(work: Callable[["Tenants"], Awaitable[_T]]) -> _T:
    async def on(log: "LogClient") -> _T:
        from streams.tenants import Tenants

        return await work(await Tenants.read(log))

    return asyncio.run(with_log(on))


def _plain(tenants: "Tenants", name: str) -> dict[str, Any]:
    """A tenant as it is in force, with the ids of its keys."""
    import msgspec

    tenant = tenants.get(name)
    limits = {limit: getattr(tenant.limits, limit) for limit in _LIMITS}
    return {
        "name": name,
        "revision": tenants.revision(name),
        "suspended": tenant.suspended,
        "priority": tenant.priority,
        "groups": msgspec.to_builtins(tenant.groups),
        "prefix": tenant.prefix,
        "limits": {limit: most for limit, most in limits.items() if most is not None},
        "keys": [key.id for key in tenants.keys(name)],
    }


def _shown(found: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(found)
    return f"{found['name']} is at revision {found['revision']}"
