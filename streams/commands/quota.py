"""`freshet quota set | show | usage | forecast | remove`: how much may be used, and is."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.connected import with_log
from streams.errors import FreshetError
from streams.said import Said, said

if TYPE_CHECKING:
    from schemas.control import Budget, Quota
    from streams.clients.kafka import LogClient
    from streams.spending import Line

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
    for command in (show, usage, forecast, remove):
        group.command()(command)
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
    from streams.quotaoptions import given, kept, refuse

    of_quota = {
        "tokens_per_minute": tokens_per_minute,
        "tokens_per_day": tokens_per_day,
        "requests_per_minute": requests_per_minute,
        "concurrent": concurrent,
    }
    of_budget = {
        **{"limit": limit, "unit": unit, "window": window, "calendar": calendar, "burst": burst},
        **{"key_id": key, "user": user, "model": model, "route": route, "each": each},
        **{"kept": kept(keep), "pool": pool, "shared": shared, "shadow": shadow},
    }
    if name is None:
        refuse(of_budget, "name a budget: `freshet quota set NAME ..`")
        made = _changed(_tenant(tenant), given(of_quota), said(why), revision, is_budget=False)
    else:
        refuse(of_quota, "that is of a tenant's quota: leave out the budget's name")
        changes = given({"tenant": tenant, **of_budget})
        made = _changed(name, changes, said(why), revision, is_budget=True)
    _show(made, as_json=as_json)


def show(
    name: Name = None,
    tenant: Annotated[str | None, typer.Option(help="Only what bounds this tenant.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every bound in force: its limit, and what is used, held and left of it now."""
    import msgspec

    from streams import quotalines

    lines, now = _lines(name, tenant)
    if as_json:
        for line in lines:
            print(msgspec.json.encode(msgspec.structs.replace(line, forecast=None)).decode())
    elif lines:
        print(quotalines.shown(lines, now))


def forecast(
    name: Name = None,
    tenant: Annotated[str | None, typer.Option(help="Only what bounds this tenant.")] = None,
    as_json: AsJson = False,
) -> None:
    """When each budget will be used up, by its rate of late.

    The rate is that of the last window (ten minutes at least, a week at most), with an interval of
    95% by Student's t over its 24 parts. What a rolling window gives back is taken account of.
    """
    import msgspec

    from streams import quotalines

    lines = [line for line in _lines(name, tenant)[0] if line.forecast is not None]
    if as_json:
        for line in lines:
            print(msgspec.json.encode(line).decode())
    elif lines:
        print(quotalines.foretold(lines))


def usage(
    by: Annotated[
        list[str] | None,
        typer.Option(help="tenant, key, user, model or route; repeatable. Default: tenant."),
    ] = None,
    since: Annotated[str, typer.Option(help="RFC 3339, or so long ago: 90m, 24h, 30d.")] = "24h",
    until: Annotated[str | None, typer.Option(help="Likewise; default: now.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only what this tenant used.")] = None,
    as_json: AsJson = False,
) -> None:
    """What was used, in requests, tokens and money, by whom."""
    import msgspec

    from processors.spending import PARTS, totals
    from streams import quotalines
    from streams.quotaoptions import moment_of
    from streams.spending import read_spending

    parts = [part for part in PARTS if part in (by or ["tenant"])]
    if unknown := set(by or ()) - set(PARTS):
        raise FreshetError(f"--by {min(unknown)!r}: {', '.join(PARTS)}")
    now = _now()
    start = moment_of("--since", since, now)
    end = now + 1 if until is None else moment_of("--until", until, now)
    uses = asyncio.run(with_log(read_spending)).uses
    whose = (use for use in uses if tenant in (None, use.asked.tenant))
    found = totals((use for use in whose if start <= use.at < end), parts)
    if as_json:
        for total in found:
            print(msgspec.json.encode(total).decode())
    elif found:
        print(quotalines.totalled(found))


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

    async def work(log: "LogClient") -> "Budget | Quota":
        if name is not None:
            return await quotas.remove(log, Budget, name, said(why), revision)
        return await quotas.remove(log, Quota, _tenant(tenant), said(why), revision)

    _show(asyncio.run(with_log(work)), as_json=as_json)


def _lines(name: str | None, tenant: str | None) -> "tuple[list[Line], int]":
    """What is in force, as it stands, and when that is."""
    from streams.control import read_control
    from streams.spending import concerns, read_spending, standings

    async def work(log: "LogClient") -> "tuple[list[Line], int]":
        control = await read_control(log)
        spending, now = await read_spending(log), _now()
        lines = standings(control, spending, now)
        return [line for line in lines if concerns(line, control, name, tenant)], now

    return asyncio.run(with_log(work))


def _changed(
    name: str, changes: Mapping[str, Any], who: Said, expected: int | None, *, is_budget: bool
) -> "Budget | Quota":
    from schemas.control import Budget, Quota
    from streams import quotas

    async def work(log: "LogClient") -> "Budget | Quota":
        if is_budget:
            return await quotas.change(log, Budget, name, changes, who, expected)
        return await quotas.change(log, Quota, name, changes, who, expected)

    return asyncio.run(with_log(work))


def _tenant(name: str | None) -> str:
    if name is None:
        raise FreshetError("name a budget, or --tenant for that tenant's quota")
    return name


def _now() -> int:
    return time.time_ns() // 1000


def _show(made: "Budget | Quota", *, as_json: bool) -> None:
    import msgspec

    from schemas.control import key_of

    if as_json:
        print(msgspec.json.encode(made).decode())
    else:
        state = "is removed" if made.removed else "is in force"
        print(f"{key_of(made)} {state}, revision {made.revision}")
