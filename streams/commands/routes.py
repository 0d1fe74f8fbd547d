"""`freshet routes`: who is answered how, who changed that, and what came of it."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.connected import with_log
from streams.errors import FreshetError
from streams.routing.command import built_in, changed, definition, look, served, with_routes
from streams.said import said

if TYPE_CHECKING:
    from processors.compare.results import Results
    from schemas.control import Route
    from streams.clients.kafka import LogClient
    from streams.routing.registry import Routes

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Why = Annotated[str, typer.Option(help="The reason, for those who read the log later.")]
Name = Annotated[str, typer.Argument(metavar="ROUTE", help="Such as `default`, everybody's.")]
BranchName = Annotated[str, typer.Argument(metavar="BRANCH", help="One of the route's.")]
Share = Annotated[float, typer.Argument(metavar="SHARE", min=0, max=1, help="0 to 1.")]
Setting = Annotated[str | None, typer.Option(help="Default: as the route's first branch has it.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Routes: who is answered how.", no_args_is_help=True)
    for name, command in (
        ("list", list_),
        ("show", show),
        ("set", set_),
        ("shift", shift),
        ("shadow", shadow),
        ("remove", remove),
        ("log", log),
        ("results", results),
    ):
        group.command(name=name)(command)
    app.add_typer(group, name="routes")


def list_(as_json: AsJson = False) -> None:
    """Every route: whom it serves, its branches' shares, revision, who changed it and why."""
    from streams.routing.lines import listed

    print("\n".join(listed(look(), as_json=as_json)))


def show(name: Name, as_json: AsJson = False) -> None:
    """A route, whole. JSON: as `set --file` takes it."""
    from streams.routing.lines import plain, shown

    routes = look()
    route = routes.get(name)
    if as_json:
        print(json.dumps({**plain(route), "revision": routes.revision(name)}))
    else:
        print("\n".join(shown(routes, route)))


def set_(
    name: Name,
    why: Why,
    branch: Annotated[
        list[str] | None,
        typer.Option(help="NAME, or NAME:share=0.1,prompt=answer@2,..; repeatable. All it has."),
    ] = None,
    tenant: Annotated[
        list[str] | None, typer.Option(help="Whom it serves; repeatable. Default: as before.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="Take it from there: JSON as of `show`; `-` is stdin.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make or change a route. What it names must be there, and its shares sum to 1."""
    if (branch is None) == (file is None):
        raise FreshetError("say what its branches are: either --branch, once for each, or --file")

    async def work(routes: "Routes") -> "Route":
        fields = _from(file) if file is not None else _of_options(routes, name, branch or [])
        if tenant is not None:
            fields["tenants"] = tenant
        route = routes.drafted({**fields, "name": name}, said(why))
        await served(routes, route, _say)
        await routes.set(route)
        return route

    _print(with_routes(work), as_json)


def shift(name: Name, branch: BranchName, share: Share, why: Why, as_json: AsJson = False) -> None:
    """Give a branch another share; sessions move into it, or out of it, and nowhere else."""

    async def work(routes: "Routes") -> "Route":
        route = routes.shifted(name, branch, share, said(why))
        await routes.set(route)
        return route

    _print(with_routes(work), as_json)


def shadow(
    name: Name,
    branch: BranchName,
    why: Why,
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the questions.")] = 1.0,
    prompt: Setting = None,
    model: Setting = None,
    index: Setting = None,
    top_k: Annotated[int | None, typer.Option(help="Passages to read.")] = None,
    dense_weight: Annotated[float | None, typer.Option(help="Meaning's, 0 to 1.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Take it away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a branch answer unseen, to be compared: a new one, or one that is a shadow already."""
    settings = {"prompt": prompt, "model": model, "index_version": index}
    retrieval = {"top_k": top_k, "dense_weight": dense_weight}

    async def work(routes: "Routes") -> "Route":
        if off:
            route = routes.unshadowed(name, branch, said(why))
        else:
            fields = {**settings, **retrieval, "share": share}
            route = routes.shadowed(name, branch, fields, said(why))
            await served(routes, route, _say)
        await routes.set(route)
        return route

    _print(with_routes(work), as_json)


def remove(name: Name, why: Why, as_json: AsJson = False) -> None:
    """Take a route out of force: its tenants go everybody's way, everybody the built-in one."""

    async def work(routes: "Routes") -> "Route":
        return await routes.remove(name, said(why))

    _print(with_routes(work), as_json)


def log(
    name: Annotated[str | None, typer.Argument(metavar="[ROUTE]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Who changed what, when and why, as far back as the log goes."""
    from streams.routing.lines import told

    for one in changed(name):
        print(told(one, as_json=as_json))


def results(
    name: Name,
    since: Annotated[
        str | None,
        typer.Option(help="Questions asked from then on: RFC 3339. Default: the last change."),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the intervals.")] = 0.95,
    as_json: AsJson = False,
) -> None:
    """What came of each branch, with intervals, and how it differs from the first."""
    from streams import labels
    from streams.reporting import Reporter
    from streams.routing.registry import Routes, last_change
    from streams.routing.results import Wanted, read

    start = labels.moment("--since", since)

    async def work(log: "LogClient") -> tuple["Results", int]:
        route = (await Routes.read(log, built_in())).get(name)
        moment = await last_change(log, built_in(), name) if start is None else start
        wanted = Wanted(name, [branch.name for branch in route.branches], moment, level)
        return await read(log, wanted, Reporter(as_json=as_json).progress), moment

    found, moment = asyncio.run(with_log(work))
    print(_json(found, moment) if as_json else _table(found, moment))


def _of_options(routes: "Routes", name: str, texts: list[str]) -> dict[str, object]:
    from schemas.control import EVERYBODY
    from streams.routing.branches import branches

    known = {route.name: route for route in routes.all()}
    if (route := known.get(name)) is not None:
        return {"branches": branches(texts, route.branches), "tenants": route.tenants}
    return {"branches": branches(texts, known[EVERYBODY].branches[:1])}


def _from(file: str) -> dict[str, object]:
    if file == "-":
        return definition(sys.stdin.read(), "standard input")
    try:
        return definition(Path(file).read_text(encoding="utf-8"), file)
    except (OSError, UnicodeDecodeError) as error:
        raise FreshetError(f"--file {file}: {error}") from None


def _print(route: "Route", as_json: bool) -> None:
    from streams.routing.lines import plain, shares

    if as_json:
        print(json.dumps(plain(route)))
    else:
        what = "removed" if route.removed else shares(route)
        print(f"{route.name}\trevision {route.revision}\t{what}")


def _json(found: "Results", since: int) -> str:
    import msgspec

    return json.dumps({**msgspec.to_builtins(found), "since": since})


def _table(found: "Results", since: int) -> str:
    from streams.routing.tables import table

    return "\n".join(table(found, since))


def _say(message: str) -> None:
    print(f"freshet: {message}", file=sys.stderr)
