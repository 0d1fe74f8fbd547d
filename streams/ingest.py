"""What each document command does, once its options are read."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import Distribution
from pathlib import Path

from streams.changes import rounds
from streams.clients.kafka import Log, LogClient
from streams.config import Settings
from streams.loading import Loader, Round, left_over
from streams.reporting import Reporter
from streams.sources import files, git, packages
from streams.sources.event import Common, DocumentEvent, Found


class Ingest:
    """One command at work: what it sends, how long it waits, and where it reports."""

    def __init__(
        self,
        log: LogClient,
        settings: Settings,
        command: str,
        reporter: Reporter,
        wait_s: float | None,
    ) -> None:
        self._log = log
        self._reporter = reporter
        self._label = command
        self._loader = Loader(log, command, settings.index_version, wait_s)

    async def each(self, events: Iterable[Found], total: int) -> None:
        """Send events and report every one."""
        self._reporter.writes(await self._send(events, total))

    async def sync(
        self, folder: files.Folder, prefix: str, common: Common, *, watch: bool, delete: bool
    ) -> None:
        """Send a folder's files; go on with each change if `watch`; end documents if `delete`."""
        async for count in rounds(folder.root, watch=watch):
            change = await asyncio.to_thread(folder.look)
            gone = change.gone if delete else []
            if count == 0:
                self._tell_of_others(change.others)
                gone = await left_over(self._log, prefix, folder.holds) if delete else []
            found = _folder_events(folder, change, gone, prefix, common)
            total = len(change.written) + len(gone) + len(change.skipped)
            if total or count == 0:
                self._reporter.summary(await self._send(found, total))

    async def git(
        self,
        repository: git.Repository,
        prefix: str,
        common: Common,
        *,
        branch: str,
        since: str | None,
        follow: bool,
    ) -> None:
        """Send a branch's versions; go on with each new commit if `follow`."""
        folders = {repository.git_dir, repository.common_dir}
        async for count in rounds(*folders, watch=follow, only=git.is_news):
            until = repository.commit(branch)
            if until == since and count:
                continue
            versions = git.documents(await asyncio.to_thread(repository.versions, until, since))
            found = git.read_all(repository, versions, prefix, common)
            since = until
            self._reporter.summary(await self._send(found, len(versions)))

    async def packages(self, found: Sequence[Distribution], common: Common) -> None:
        """Send the descriptions of installed packages."""
        events = list(packages.read_all(found, common))
        self._reporter.summary(await self._send(events, len(events)))

    async def _send(self, found: Iterable[Found], total: int) -> Round:
        with self._reporter.progress(self._label, total) as step:
            return await self._loader.send(found, step)

    def _tell_of_others(self, others: int) -> None:
        if others:
            self._reporter.say(f"{others} files match no pattern and are left alone")


@asynccontextmanager
async def ingest(
    settings: Settings, command: str, reporter: Reporter, wait_s: float | None
) -> AsyncIterator[Ingest]:
    """An `Ingest` connected to the log. Raises `streams.clients.errors.ClientError`."""
    async with Log(settings.kafka) as log:
        yield Ingest(log, settings, command, reporter, wait_s)


def deletions(doc_ids: Iterable[str]) -> list[DocumentEvent]:
    """The end of these documents."""
    return [DocumentEvent(doc_id, None) for doc_id in doc_ids]


def _folder_events(
    folder: files.Folder,
    change: files.Change,
    gone: Iterable[str],
    prefix: str,
    common: Common,
) -> Iterable[Found]:
    yield from change.skipped
    yield from files.read_all(folder.root, change.written, prefix, common)
    yield from files.deletions(gone, prefix)


def folder_at(path: Path, patterns: Sequence[str]) -> files.Folder:
    """A folder to sync. Raises NotADirectoryError."""
    if not path.is_dir():
        raise NotADirectoryError(path)
    return files.Folder(path.resolve(), patterns or files.PATTERNS)
