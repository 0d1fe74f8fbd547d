"""`freshet keys create | list | revoke`: who may call the gateway."""

import asyncio
import json
import time
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.control import ApiKey

_DAY_US = 24 * 3600 * 1_000_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="API keys for the gateway.", no_args_is_help=True)
    group.command()(create)
    group.command(name="list")(list_)
    group.command()(revoke)
    app.add_typer(group, name="keys")


def create(
    tenant: Annotated[str, typer.Option(help="Whose questions and documents it speaks for.")],
    name: Annotated[str, typer.Option(help="A label to know it by.")] = "",
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="`documents:admin`: may write documents that are public."),
    ] = None,
    days: Annotated[float | None, typer.Option(help="Expires after so many days.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from streams.gateway.keys import new_key

    made, now = new_key(), _now()
    key = _api_key(
        id=made.id,
        tenant=tenant,
        hash=made.hash,
        label=name,
        scopes=scopes or [],
        expires_at=None if days is None else now + int(days * _DAY_US),
        why="created by `freshet keys create`",
        at=now,
    )
    asyncio.run(_write(key))
    print(json.dumps({"id": made.id, "tenant": tenant, "key": made.text}) if as_json else made.text)


def list_(as_json: AsJson = False) -> None:
    """Every key: id, tenant, state, label."""
    for key in asyncio.run(_keys()):
        if as_json:
            print(json.dumps(_plain(key)))
        else:
            print("\t".join((key.id, key.tenant, _state(key), ",".join(key.scopes), key.label)))


def revoke(key_id: Annotated[str, typer.Argument(help="As `list` prints it.")]) -> None:
    """Make a key worthless, at once and for good."""
    asyncio.run(_revoke(key_id))
    print(f"{key_id} is revoked")


def _api_key(**fields: Any) -> "ApiKey":
    import msgspec

    from schemas.control import ApiKey

    try:
        return msgspec.convert({"kind": "key", "revision": 1, "by": getuser(), **fields}, ApiKey)
    except msgspec.ValidationError as error:
        raise FreshetError(f"no such key can be made: {error}") from None


async def _revoke(key_id: str) -> None:
    import msgspec

    found = next((key for key in await _keys() if key.id == key_id), None)
    if found is None:
        raise FreshetError(f"there is no key {key_id!r}; `freshet keys list` shows them")
    if not found.removed:
        revoked = msgspec.structs.replace(
            found,
            revision=found.revision + 1,
            removed=True,
            by=getuser(),
            why="revoked by `freshet keys revoke`",
            at=_now(),
        )
        await _write(revoked)


async def _keys() -> list["ApiKey"]:
    from streams import config
    from streams.clients.kafka import Log
    from streams.gateway.keys import read_keys

    return (await read_keys(Log(config.load().kafka))).all()


async def _write(key: "ApiKey") -> None:
    from streams import config
    from streams.clients.kafka import Log
    from streams.control import put

    async with Log(config.load().kafka) as log:
        await put(log, key)


def _state(key: "ApiKey") -> str:
    if key.removed:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= _now() else "valid"


def _plain(key: "ApiKey") -> dict[str, Any]:
    """A key's event without its hash."""
    import msgspec

    fields = msgspec.to_builtins(key)
    return {**{k: v for k, v in fields.items() if k not in ("hash", "kind")}, "state": _state(key)}


def _now() -> int:
    return time.time_ns() // 1000
