"""`freshet documents put | delete | sync | git | packages`: documents into the log."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from streams.errors import FreshetError

if TYPE_CHECKING:
    from schemas.documents import ContentType
    from streams.ingest import Ingest
    from streams.sources.event import Common

Acl = Annotated[
    list[str] | None, typer.Option("--acl", help="A tenant or group that may find it; repeatable.")
]
Metadata = Annotated[
    list[str] | None, typer.Option("--metadata", help="KEY=VALUE to filter by; repeatable.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Until every new question sees it.")]
Timeout = Annotated[float, typer.Option(min=0, help="How many seconds to --wait at most.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
Prefix = Annotated[str | None, typer.Option(help="What ids begin with; default: its name.")]

WAIT_S = 120.0


class Options(NamedTuple):
    """What every document command takes."""

    command: str
    wait: bool
    timeout: float
    as_json: bool
    is_endless: bool = False
    """Ctrl-C is its ordinary end."""


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Put documents into the log.", no_args_is_help=True)
    for command in (put, delete, sync, git, packages):
        group.command()(command)
    app.add_typer(group, name="documents")


def put(
    files: Annotated[list[Path], typer.Argument(help="Markdown, reStructuredText, HTML or text.")],
    doc_id: Annotated[
        str | None, typer.Option("--id", help="Its id; default: its path below this folder.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Its title; default: its heading.")] = None,
    acl: Acl = None,
    metadata: Metadata = None,
    content_type: Annotated[
        str | None, typer.Option(help="Such as text/markdown; default: by extension.")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = WAIT_S,
    as_json: Json = False,
) -> None:
    """Write files' present content, and print each write's receipt, which `ask --after` takes.

    Exit code 1 if a file was skipped, after the others are written. With --wait the index time
    from which it shows follows the receipt.
    """
    from streams.sources.files import doc_id_of, read

    if len(files) > 1 and (doc_id or title):
        raise FreshetError("--id and --title name one document; give one FILE with them")
    common, kind, cwd = _common(acl, metadata), _content_type(content_type), Path.cwd()
    events = (
        read(path, doc_id or doc_id_of(path, cwd), common, content_type=kind, title=title)
        for path in files
    )
    _run(Options("put", wait, timeout, as_json), lambda ingest: ingest.each(events, len(files)))


def delete(
    doc_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Whole document ids.")],
    wait: Wait = False,
    timeout: Timeout = WAIT_S,
    as_json: Json = False,
) -> None:
    """Delete documents. With --wait: the offset and index time from which no read sees them."""
    from streams.ingest import deletions

    events = deletions(doc_ids)
    _run(Options("delete", wait, timeout, as_json), lambda ingest: ingest.each(events, len(events)))


def sync(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Hidden files are left out.")],
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C.")] = False,
    remove: Annotated[
        bool, typer.Option("--delete", help="Also what the log holds and DIR no longer has.")
    ] = False,
    glob: Annotated[
        list[str] | None, typer.Option(help="Which files; default: known extensions; repeatable.")
    ] = None,
    prefix: Prefix = None,
    acl: Acl = None,
    metadata: Metadata = None,
    wait: Wait = False,
    timeout: Timeout = WAIT_S,
    as_json: Json = False,
) -> None:
    """Write all files of a folder; the index does nothing for those that have not changed."""
    from streams.ingest import folder_at

    try:
        found = folder_at(folder, glob or [])
    except NotADirectoryError:
        raise FreshetError(f"{folder} is not a folder") from None
    below = found.root.name if prefix is None else prefix.strip("/")
    if remove and not below:
        raise FreshetError("--delete needs a --prefix, or it would end every other document")
    common = _common(acl, metadata)
    _run(
        Options("sync", wait, timeout, as_json, is_endless=watch),
        lambda ingest: ingest.sync(found, below, common, watch=watch, delete=remove),
    )


def git(
    repo: Annotated[Path, typer.Argument(help="A folder in a local git repository.")],
    path: Annotated[str, typer.Option(help="Only what is below it; default: everything.")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
    since: Annotated[str | None, typer.Option(help="Only what came after this commit.")] = None,
    branch: Annotated[str, typer.Option(help="Which branch, tag or commit.")] = "HEAD",
    prefix: Prefix = None,
    acl: Acl = None,
    metadata: Metadata = None,
    wait: Wait = False,
    timeout: Timeout = WAIT_S,
    as_json: Json = False,
) -> None:
    """Write every version of the documents in a repository, oldest first.

    A version that was sent before is recognised, so a second run changes nothing.
    """
    from streams.sources.git import Repository

    repository = Repository(repo, path)
    first = None if since is None else repository.commit(since)
    repository.commit(branch)
    below = repository.name if prefix is None else prefix.strip("/")
    common = _common(acl, metadata)
    _run(
        Options("git", wait, timeout, as_json, is_endless=follow),
        lambda ingest: ingest.git(
            repository, below, common, branch=branch, since=first, follow=follow
        ),
    )


def packages(
    environment: Annotated[
        Path | None, typer.Option(help="A virtual environment; default: the one Freshet runs in.")
    ] = None,
    acl: Acl = None,
    metadata: Metadata = None,
    wait: Wait = False,
    timeout: Timeout = WAIT_S,
    as_json: Json = False,
) -> None:
    """Write the long descriptions of the Python packages that are installed."""
    from streams.sources.packages import installed

    found, common = installed(environment), _common(acl, metadata)
    _run(
        Options("packages", wait, timeout, as_json),
        lambda ingest: ingest.packages(found, common),
    )


def _run(options: Options, work: "Callable[[Ingest], Awaitable[None]]") -> None:
    from streams import config
    from streams.ingest import ingest
    from streams.reporting import Reporter

    reporter = Reporter(as_json=options.as_json)
    wait_s = options.timeout if options.wait else None

    async def connected() -> None:
        async with ingest(config.load(), options.command, reporter, wait_s) as at_work:
            await work(at_work)

    ends = (KeyboardInterrupt,) if options.is_endless else ()
    with contextlib.suppress(*ends):
        asyncio.run(connected())
    raise typer.Exit(1 if reporter.has_failed else 0)


def _common(acl: list[str] | None, metadata: list[str] | None) -> "Common":
    from streams.sources.event import Common

    found: dict[str, str | int | float | bool] = {}
    for pair in metadata or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise FreshetError(f"--metadata {pair!r}: give KEY=VALUE")
        found[key] = value
    return Common(acl or None, found or None)


def _content_type(name: str | None) -> "ContentType | None":
    import msgspec

    from schemas.documents import ContentType

    try:
        return msgspec.convert(name, ContentType | None)  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        raise FreshetError(
            f"--content-type {name!r}: text/markdown, text/x-rst, text/html or text/plain"
        ) from None
