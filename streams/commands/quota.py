"""`freshet quota set | show | usage | forecast | remove`: how much may be used, and is."""

import asyncio
import time
from collections.abc import Mapping
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.connected import with_log
from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.control import Budget, Quota
    from streams.clients.kafka import LogClient
    from streams.quotas import Said

_NONE = "none"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Why = Annotated[str, typer.Option(help="The reason, for those who read the log later.")]
Revision = Annotated[
    int | None,
    typer.Option(help="The one that you saw: whoever changed it since is not overwritten."),
]
Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A budget's; without it, the quota of --tenant."),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Quotas and budgets.", no_args_is_help=True)
    group.command(name="set")(set_)
    group.command()(remove)
    app.add_typer(group, name="quota")


def set_(
    why: Why,
    name: Name = None,
    tenant: Annotated[str | None, typer.Option(help="Whose requests.")] = None,
    tokens_per_minute: Annotated[str | None, typer.Option(help="Of a quota.")] = None,
    tokens_per_day: Annotated[str | None, typer.Option(help="Of a quota.")] = None,
    requests_per_minute: Annotated[str | None, typer.Option(help="Of a quota.")] = None,
    concurrent: Annotated[
        str | None, typer.Option(help="Of a quota: requests under way at once.")
    ] = None,
    priority: Annotated[
        str | None, typer.Option(help="Of a quota: of the tenant's requests, low, normal or high.")
    ] = None,
    limit: Annotated[str | None, typer.Option(help="Of a budget.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="tokens, usd, requests, or concurrent: those under way.")
    ] = None,
    window: Annotated[str | None, typer.Option(help="minute, hour, day, week or month.")] = None,
    calendar: Annotated[
        bool | None,
        typer.Option("--calendar/--rolling", help="The window begins with the day.. (UTC)."),
    ] = None,
    burst: Annotated[
        str | None, typer.Option(help="A bucket of so many, refilled by the limit a window.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Only requests with this API key, by id.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's requests.")] = None,
    model: Annotated[str | None, typer.Option(help="Only by this model: NAME or NAME@1.")] = None,
    route: Annotated[str | None, typer.Option(help="Only on this route.")] = None,
    each: Annotated[
        str | None, typer.Option(help="Apart for every tenant, every key or every user.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="high=0.1: that share is for such requests alone; repeatable."),
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="The shared budget that is charged where this is too full.")
    ] = None,
    shared: Annotated[
        bool | None, typer.Option("--shared/--not-shared", help="A pool: bounds nobody by itself.")
    ] = None,
    shadow: Annotated[
        bool | None, typer.Option("--shadow/--enforce", help="Refuse nobody; only count.")
    ] = None,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Set what is given of a budget, or of a tenant's quota; the rest stays. `none` takes away."""
    of_quota = {
        "tokens_per_minute": tokens_per_minute,
        "tokens_per_day": tokens_per_day,
        "requests_per_minute": requests_per_minute,
        "concurrent": concurrent,
        "priority": priority,
    }
    of_budget = {
        **{"limit": limit, "unit": unit, "window": window, "calendar": calendar, "burst": burst},
        **{"key_id": key, "user": user, "model": model, "route": route, "each": each},
        **{"kept": _kept(keep), "pool": pool, "shared": shared, "shadow": shadow},
    }
    if name is None:
        _refuse(of_budget, "name a budget: `freshet quota set NAME ..`")
        made = _changed(_tenant(tenant), _given(of_quota), _said(why, revision), is_budget=False)
    else:
        _refuse(of_quota, "that is of a tenant's quota: leave out the budget's name")
        given = _given({"tenant": tenant, **of_budget})
        made = _changed(name, given, _said(why, revision), is_budget=True)
    _show(made, as_json=as_json)


def remove(
    why: Why,
    name: Name = None,
    tenant: Annotated[str | None, typer.Option(help="Whose quota.")] = None,
    revision: Revision = None,
    as_json: AsJson = False,
) -> None:
    """Take away a budget, or a tenant's quota: nobody is bound by it any more."""
    from schemas.control import Budget, Quota
    from streams import quotas

    said = _said(why, revision)

    async def work(log: "LogClient") -> "Budget | Quota":
        if name is not None:
            return await quotas.remove(log, Budget, name, said)
        return await quotas.remove(log, Quota, _tenant(tenant), said)

    _show(asyncio.run(with_log(work)), as_json=as_json)


def _changed(
    name: str, changes: Mapping[str, Any], said: "Said", *, is_budget: bool
) -> "Budget | Quota":
    from schemas.control import Budget, Quota
    from streams import quotas

    async def work(log: "LogClient") -> "Budget | Quota":
        if is_budget:
            return await quotas.change(log, Budget, name, changes, said)
        return await quotas.change(log, Quota, name, changes, said)

    return asyncio.run(with_log(work))


def _tenant(name: str | None) -> str:
    if name is None:
        raise FreshetError("name a budget, or --tenant for that tenant's quota")
    return name


def _refuse(options: Mapping[str, object], why: str) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise FreshetError(f"--{given[0].replace('_', '-')}: {why}")


_NUMBERS = frozenset(
    {"limit", "burst", "tokens_per_minute", "tokens_per_day", "requests_per_minute", "concurrent"}
)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given; None for what is taken away."""
    given = {name: value for name, value in options.items() if value is not None}
    return {name: _value(name, value) for name, value in given.items()}


def _value(name: str, value: Any) -> Any:
    if value == _NONE:
        return None
    if name not in _NUMBERS:
        return value
    try:
        number = float(value)
    except ValueError:
        option = name.replace("_", "-")
        raise FreshetError(f"--{option} {value!r}: a number, or `none`") from None
    return int(number) if number.is_integer() else number


def _kept(keep: list[str] | None) -> "dict[str, float] | str | None":
    if keep is None or keep == [_NONE]:
        return keep and _NONE
    found = {}
    for one in keep:
        level, _, share = one.partition("=")
        try:
            found[level] = float(share)
        except ValueError:
            raise FreshetError(f"--keep {one!r}: such as high=0.1, or `none`") from None
    return found


def _said(why: str, revision: int | None) -> "Said":
    from streams.quotas import Said

    return Said(getuser(), why, time.time_ns() // 1000, revision)


def _show(made: "Budget | Quota", *, as_json: bool) -> None:
    import msgspec

    from schemas.control import key_of

    if as_json:
        print(msgspec.json.encode(made).decode())
    else:
        state = "is removed" if made.removed else "is in force"
        print(f"{key_of(made)} {state}, revision {made.revision}")
