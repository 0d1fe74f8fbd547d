"""`freshet keys create | list | set | rotate | revoke`: who may call the gateway."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from streams.connected import with_log
from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.control import ApiKey
    from streams.clients.kafka import LogClient
    from streams.gateway.keys import NewKey
    from streams.keychanges import Keys

_T = TypeVar("_T")
_DAY_US = 24 * 3600 * 1_000_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `list` prints it.")]
Why = Annotated[str, typer.Option(help="The reason, for those who read the log later.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="ask, documents:read, documents:write, documents:share (with other tenants), "
        "documents:admin (write what is public) or feedback; repeatable. Default: all but "
        "documents:admin.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="API keys for the gateway.", no_args_is_help=True)
    group.command()(create)
    group.command(name="list")(list_)
    group.command(name="set")(set_)
    group.command()(rotate)
    group.command()(revoke)
    app.add_typer(group, name="keys")


def create(
    tenant: Annotated[str, typer.Option(help="Whose questions and documents it speaks for.")],
    name: Annotated[str, typer.Option(help="A label to know it by.")] = "",
    scopes: Scopes = None,
    days: Annotated[float | None, typer.Option(help="Expires after so many days.")] = None,
    why: Why = "created by `freshet keys create`",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from streams.said import said

    who = said(why)
    expires_at = None if days is None else who.at + int(days * _DAY_US)

    async def work(keys: "Keys") -> "NewKey":
        return await keys.make(tenant, who, label=name, scopes=scopes or [], expires_at=expires_at)

    _show(_with_keys(work), tenant, as_json=as_json)


def list_(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every key: id, tenant, state, scopes, when it expires, label."""

    async def work(keys: "Keys") -> "list[ApiKey]":
        return [key for key in keys.ring.all() if tenant in (None, key.tenant)]

    now = time.time_ns() // 1000
    for key in _with_keys(work):
        print(json.dumps(_plain(key, now)) if as_json else "\t".join(_cells(key, now)))


def set_(
    key_id: KeyId,
    name: Annotated[str | None, typer.Option(help="Another label.")] = None,
    scopes: Scopes = None,
    days: Annotated[float | None, typer.Option(help="Expires so many days from now.")] = None,
    lasting: Annotated[bool, typer.Option("--lasting", help="Does not expire.")] = False,
    why: Why = "changed by `freshet keys set`",
    as_json: AsJson = False,
) -> None:
    """Change what a key may do, its label or when it expires; whose it is stays."""
    from streams.said import said

    who = said(why)
    changes: dict[str, Any] = {"label": name, "scopes": scopes}
    changes = {field: value for field, value in changes.items() if value is not None}
    if days is not None or lasting:
        changes["expires_at"] = None if days is None else who.at + int(days * _DAY_US)
    if not changes or (days is not None and lasting):
        raise FreshetError("say what to change: --name, --scope, and --days or --lasting")

    async def work(keys: "Keys") -> "ApiKey":
        return await keys.change(key_id, who, **changes)

    key = _with_keys(work)
    print(json.dumps(_plain(key, who.at)) if as_json else "\t".join(_cells(key, who.at)))


def rotate(
    key_id: KeyId,
    grace: Annotated[
        str, typer.Option(help="How long the old key still works: 30m, 24h, 7d; 0s: no longer.")
    ] = "24h",
    why: Why = "rotated by `freshet keys rotate`",
    as_json: AsJson = False,
) -> None:
    """Make a key that may do what this one may, and print it, once; this one ends after a grace."""
    from streams.durations import duration
    from streams.said import said

    grace_s = duration("--grace", grace)

    async def work(keys: "Keys") -> "tuple[NewKey, str]":
        made = await keys.rotate(key_id, grace_s, said(why))
        return made, keys.get(key_id).tenant

    made, tenant = _with_keys(work)
    _show(made, tenant, as_json=as_json)


def revoke(key_id: KeyId, why: Why = "revoked by `freshet keys revoke`") -> None:
    """Make a key worthless, at once and for good."""
    from streams.said import said

    async def work(keys: "Keys") -> None:
        await keys.revoke(key_id, said(why))

    _with_keys(work)
    print(f"{key_id} is revoked")


def _with_keys(work: Callable[["Keys"], Awaitable[_T]]) -> _T:
    async def on(log: "LogClient") -> _T:
        from streams.keychanges import Keys

        return await work(await Keys.read(log))

    return asyncio.run(with_log(on))


def _show(made: "NewKey", tenant: str, *, as_json: bool) -> None:
    print(json.dumps({"id": made.id, "tenant": tenant, "key": made.text}) if as_json else made.text)


def _cells(key: "ApiKey", now: int) -> list[str]:
    from schemas.times import format_time
    from streams.gateway.keys import state_of

    expires = "-" if key.expires_at is None else format_time(key.expires_at)
    scopes = ",".join(key.scopes) or "usual"
    return [key.id, key.tenant, state_of(key, now), scopes, expires, key.label]


def _plain(key: "ApiKey", now: int) -> dict[str, Any]:
    """A key's event without its hash."""
    import msgspec

    from streams.gateway.keys import state_of

    fields = msgspec.to_builtins(key)
    shown = {name: value for name, value in fields.items() if name not in ("hash", "kind")}
    return {**shown, "state": state_of(key, now)}
