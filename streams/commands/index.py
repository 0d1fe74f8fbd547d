"""`freshet index`: index versions beside one another, from the first build to the last row."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from streams.errors import FreshetError
from streams.said import said

if TYPE_CHECKING:
    from schemas.control import IndexVersion
    from streams.clients.kafka import LogClient
    from streams.config import Settings

_T = TypeVar("_T")
_INTERRUPTED = 130
_WORKERS = """\
`freshet up` starts an indexer and a writer for {name}; where it does not run they are started with
FRESHET_INDEX_VERSION={name}: `freshet worker indexer` and `freshet worker writer`"""

Name = Annotated[str, typer.Argument(metavar="NAME", help="An index version.")]
Why = Annotated[str, typer.Option(help="Kept with the change, for those who wonder later.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _pairs(what: str) -> Any:
    return typer.Option(metavar="NAME=VALUE", help=f"A setting of {what}; may be given often.")


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="Index versions: how documents are cut, embedded and weighed.", no_args_is_help=True
    )
    group.command(name="list")(list_)
    for command in (show, build, compare, switch, retire, diff):
        group.command()(command)
    app.add_typer(group, name="index")


def list_(as_json: AsJson = False) -> None:
    """Every index version: state, events and seconds behind, rows, and the routes that use it."""
    from streams.versions.lines import line, plain
    from streams.versions.listing import listed

    for one in _run(lambda settings, log: listed(log, settings, _now())):
        print(json.dumps(plain(one)) if as_json else line(one))


def show(name: Name, as_json: AsJson = False) -> None:
    """One index version with all its settings, who made it and why, and how far it is."""
    from processors.version import settings_of, spec_of
    from streams.versions.lines import plain
    from streams.versions.listing import one as listed_one

    found = _run(lambda settings, log: listed_one(log, settings, name, _now()))
    shown = {**plain(found), "settings": settings_of(spec_of(found.version))}
    if as_json:
        print(json.dumps(shown))
        return
    for key, value in {**shown, **shown.pop("settings")}.items():
        print(f"{key}\t{'-' if value is None else value}")


def build(
    name: Annotated[str, typer.Argument(help="Of the new one: a-z, 0-9 and _, at most 32.")],
    base: Annotated[
        str, typer.Option("--from", help="The index version whose settings hold otherwise.")
    ] = "",
    chunk: Annotated[list[str] | None, _pairs("how documents are cut")] = None,
    lexical: Annotated[list[str] | None, _pairs("how words are weighed")] = None,
    fusion: Annotated[list[str] | None, _pairs("how the two lists become one")] = None,
    embedder: Annotated[
        str | None, typer.Option(metavar="NAME@VERSION", help="One that triton.embedders names.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Let it stand still there: RFC 3339, or an index time."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With --as-of: make it of an archive, not of the log."),
    ] = None,
    why: Why = "",
    wait: Annotated[bool, typer.Option(help="Wait until it has caught up with the log.")] = True,
) -> None:
    """Build an index from the log beside the others, and wait until it is whole.

    With --as-of it shows the documents as they stood at that time, and nothing later; where the log
    has them no longer, `freshet archive` may: --archive.
    Ctrl-C leaves it building; the same command goes on waiting.
    """
    from schemas.times import format_time
    from streams.labels import moment
    from streams.replay.live import means
    from streams.reporting import Reporter
    from streams.versions.build import Wishes, begin, finish

    wishes = Wishes(
        name,
        base or None,
        _settings(chunk),
        _settings(lexical),
        _settings(fusion),
        embedder,
        moment("--as-of", as_of),
    )
    if archive is not None and as_of is None:
        raise FreshetError("--archive needs --as-of: what follows the log is made of the log")

    async def begun(settings: "Settings", log: "LogClient") -> "IndexVersion":
        if archive is None:
            return await begin(log, settings, wishes, said(why))
        async with means(settings, archive, None, _say) as of_archive:
            return await begin(log, settings, wishes, said(why), of_archive)

    version = _run(begun)
    if not wait or version.state != "building":
        print(f"{name} is {version.state}")
        return
    _say(_WORKERS.format(name=name))
    try:
        with Reporter(as_json=False).place(f"building {name}") as step:
            since = _run(lambda settings, log: finish(log, settings, name, said(why), step))
    except KeyboardInterrupt:
        _say(f"{name} goes on being built; `freshet index build {name}` waits for it again")
        raise typer.Exit(_INTERRUPTED) from None
    if version.as_of is None:
        print(f"{name} is whole, from index time {since} on")
    else:
        print(f"{name} is whole, and stands still at {format_time(version.as_of)}")


def compare(
    one: Annotated[str, typer.Argument(help="An index version.")],
    other: Annotated[str, typer.Argument(help="Another.")],
    questions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A question a line, of your tenant.")
    ] = None,
    last: Annotated[
        int, typer.Option(min=1, max=2000, help="Without a file: so many that were asked of late.")
    ] = 50,
    shown: Annotated[
        int, typer.Option("--show", min=0, help="How many differing answers to print.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Ask two index versions the same questions at one moment, and tell how far they agree.

    The answers go nowhere: nobody sees them, nothing is judged or charged.
    """
    from streams.reporting import Reporter
    from streams.versions.change import in_force
    from streams.versions.compare import compare as ask_both
    from streams.versions.compared import text, verdict
    from streams.versions.questions import asked_last, in_file

    async def work(settings: "Settings", log: "LogClient") -> Any:
        control = await in_force(log, settings)
        asked = (
            in_file(questions, settings.tenant, control)
            if questions is not None
            else await asked_last(log, last, control)
        )
        with Reporter(as_json=as_json).progress("questions asked of both", len(asked)) as step:
            return await ask_both(settings, log, control, (one, other), asked, step)

    found = verdict(_run(work), one, other)
    print(json.dumps(found.plain(shown)) if as_json else text(found, shown))


def switch(
    name: Name,
    route: Annotated[
        list[str] | None, typer.Option(help="A route that is to use it; default: `default`.")
    ] = None,
    old: Annotated[
        str | None, typer.Option("--from", help="What gives way, where the route uses several.")
    ] = None,
    why: Why = "",
    max_behind: Annotated[
        float, typer.Option(min=0, help="How many seconds behind the log it may be.")
    ] = 10.0,
    force: Annotated[bool, typer.Option("--force", help="However far behind it is.")] = False,
) -> None:
    """Let a route's questions be answered from an index version, from the next one on.

    Back again by the same command.
    """
    from streams.versions.change import switch as change

    within_s = None if force else max_behind
    author = said(_said(why))
    done = _run(
        lambda settings, log: change(
            log, settings, name, route or ["default"], author, old=old, within_s=within_s
        )
    )
    for one in done:
        print(
            f"{one.route} uses {one.new} already"
            if one.old == one.new
            else f"{one.route} uses {one.new} from now on; back: "
            f"`freshet index switch {one.old} --route {one.route} --why ...`"
        )


def retire(
    name: Name,
    why: Why = "",
    now: Annotated[
        bool, typer.Option("--now", help="Drop its rows at once, not behind the horizon.")
    ] = False,
) -> None:
    """Keep an index version in step with the log no longer, for good.

    Its rows stay until the horizon has passed, for those who check the answers that it gave.
    """
    from streams.versions.change import TooSoon
    from streams.versions.change import retire as change

    why = _said(why)

    async def work(settings: "Settings", log: "LogClient") -> int | None:
        try:
            await change(log, settings, name, said(why))
        except TooSoon as soon:
            _say(f"waits {soon.left_s:.0f} s for questions that may be under way")
            await asyncio.sleep(soon.left_s)
            await change(log, settings, name, said(why))
        if not now:
            return None
        from streams.index.retired import drop

        return await drop(settings.milvus, name)

    dropped = _run(work)
    print(f"{name} is retired" + ("" if dropped is None else f"; {dropped} rows were dropped"))


def diff(
    one: Annotated[str, typer.Argument(help="An index version, or NAME@TIME.")],
    other: Annotated[str, typer.Argument(help="Another, or the same at another time.")],
    at: Annotated[
        str | None, typer.Option(help="The time of both: RFC 3339, or an index time.")
    ] = None,
    doc: Annotated[
        str | None, typer.Option(metavar="ID", help="Look at this document alone, in full.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What two index versions differ in, or one at two times: settings, documents, passages, units.

    Read from the log. Of the documents the first few are shown.
    """
    from streams.versions.differ import differ, state, text

    first, second = state(one, at), state(other, at)
    found = _run(lambda settings, log: differ(log, settings, first, second, doc))
    print(json.dumps(found.plain()) if as_json else text(first, second, found))


def _run(work: "Callable[[Settings, LogClient], Awaitable[_T]]") -> _T:
    from streams import config
    from streams.clients.kafka import Log

    settings = config.load()

    async def connected() -> _T:
        async with Log(settings.kafka) as log:
            return await work(settings, log)

    return asyncio.run(connected())


def _said(why: str) -> str:
    if not why.strip():
        raise FreshetError("say why with --why: it is kept with the change")
    return why


def _settings(pairs: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise FreshetError(f"{pair!r} is no NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _now() -> int:
    return time.time_ns() // 1000
