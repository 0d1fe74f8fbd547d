"""Documents from a git repository: every version of every file, in the order of its history.

The first parents are walked, so each step leads from one state of the branch to its next, and
after the last one the documents are what the branch holds. Git is asked by its plumbing alone,
and no name ever reaches it where an option could stand.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import IO, NamedTuple, Self

from watchfiles import Change

from schemas.documents import Document
from schemas.times import format_time
from streams.errors import FreshetError
from streams.sources.event import (
    MAX_BYTES,
    Common,
    DocumentEvent,
    Found,
    NotText,
    Skipped,
    content_type_of,
    decode_text,
    joined,
    too_large,
)

GIT = "git"
_FILE_MODES = frozenset({"100644", "100755"})
_NO_MODE = "000000"
_LOG = (
    "log",
    "--reverse",
    "--first-parent",
    "-m",
    "--root",
    "--raw",
    "--no-abbrev",
    "--no-renames",
    "--no-ext-diff",
    "-z",
    "--format=tformat:%H %ct",
)
_DIFF = ("diff-tree", "-r", "--raw", "--no-abbrev", "--no-renames", "-z")
_READ = 1 << 16


class GitError(FreshetError):
    """Git would not do what was asked; its own words are in the message."""


class Version(NamedTuple):
    """One file at one commit. A renamed file is one deleted and one new."""

    commit: str
    time: int
    """Microseconds since the epoch: the commit's, or an earlier one's where that is later.

    Commits' clocks may go back; documents' may not, or the newer version would count as late.
    """
    path: str
    mode: str
    blob: str

    @property
    def is_deleted(self) -> bool:
        """Whether the commit took the file away."""
        return self.mode == _NO_MODE


class Repository:
    """A local repository, asked through the `git` program."""

    def __init__(self, folder: Path, sub: str = "") -> None:
        """`sub` is a folder or file in it, the only part that is looked at.

        Raises:
            GitError: it is no repository, or there is no git.
        """
        self._folder = folder
        self._pathspec = [f":(top,literal){sub}"] if sub.strip("/") else []
        self.git_dir = self._path("--absolute-git-dir")
        self.common_dir = folder / self._path("--git-common-dir")
        """Where the branches are, which a repository shares with its linked working trees."""

    @property
    def name(self) -> str:
        """What the repository's folder is called."""
        at = self.git_dir.parent if self.git_dir.name == ".git" else self._folder.resolve()
        return at.name.removesuffix(".git")

    def commit(self, revision: str) -> str:
        """The commit that a branch, tag or hash names. Raises GitError."""
        name = f"{revision}^{{commit}}"
        return self._git("rev-parse", "--verify", "--end-of-options", name).decode().strip()

    def versions(self, until: str, since: str | None = None) -> list[Version]:
        """What each commit up to `until` did, oldest first; after `since` where that is given.

        Both are hashes, as `commit` gives them. Where the branch did not grow out of `since` by
        single steps (it was rewritten, say), one step leads from there to `until`.
        """
        if since is None:
            return list(_parse(self._git(*_LOG, until, "--", *self._pathspec)))
        floor = self._latest(since)
        if self._grew(since, until):
            return list(_parse(self._git(*_LOG, f"{since}..{until}", "--", *self._pathspec), floor))
        seconds = self._git("show", "--no-patch", "--format=%ct", until).decode().strip()
        header = f"{until} {seconds}".encode() + b"\0"
        steps = self._git(*_DIFF, since, until, "--", *self._pathspec)
        return list(_parse(header + steps, floor))

    def _grew(self, since: str, until: str) -> bool:
        """Whether `since` is `until`, its first parent, that one's first parent, and so on."""
        return since.encode() in self._git("rev-list", "--first-parent", until).split()

    def _latest(self, commit: str) -> int:
        """The latest time in the history that ends with a commit, in seconds."""
        return max(map(int, self._git("log", "--first-parent", "--format=%ct", commit).split()))

    def _path(self, option: str) -> Path:
        return Path(os.fsdecode(self._git("rev-parse", option)).removesuffix("\n"))

    def _git(self, *arguments: str) -> bytes:
        found = self._run(*arguments)
        if found.returncode != 0:
            said = found.stderr.decode(errors="replace").strip()
            raise GitError(f"git in {self._folder}: {said or f'exit code {found.returncode}'}")
        return found.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603  (a list, no shell; see the module's promise)
                (GIT, *arguments),
                cwd=self._folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise GitError(f"git in {self._folder}: {error.strerror}; is git installed?") from None

    def blobs(self) -> "Blobs":
        """A reader of contents, to be used as a context manager."""
        return Blobs(self._folder)


class Blobs:
    """One `git cat-file --batch` for as many contents as are asked of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603
            (GIT, "cat-file", "--batch"),
            cwd=self._folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._pipes()[0].close()
        self._pipes()[1].close()
        self._process.wait()

    def read(self, blob: str) -> bytes:
        """The content of a blob.

        Raises:
            NotText: it is too large to be a document.
            GitError: the repository does not have it.
        """
        to, back = self._pipes()
        to.write(f"{blob}\n".encode())
        to.flush()
        header = back.readline().decode().split()
        if len(header) != 3 or not header[2].isdigit():
            raise GitError(f"git in {self._folder}: {' '.join(header) or 'cat-file ended'}")
        size = int(header[2])
        if size > MAX_BYTES:
            left = size + 1
            while left > 0:
                left -= len(back.read(min(left, _READ))) or left
            raise NotText(too_large(size))
        return back.read(size + 1)[:-1]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("cat-file was started without pipes")
        return self._process.stdin, self._process.stdout


def read_all(
    repository: Repository, versions: Sequence[Version], prefix: str, common: Common
) -> Iterator[Found]:
    """Versions as events. The commit is in `event_id`, and not in `metadata`: every row of a
    document repeats that, so that each commit would write all of them anew.
    """
    with repository.blobs() as blobs:
        for version in versions:
            yield _event(version, blobs, joined(prefix, version.path), common)


def documents(versions: Iterable[Version]) -> list[Version]:
    """Those whose name has an extension that says what text it is."""
    return [version for version in versions if content_type_of(version.path)]


def _event(version: Version, blobs: Blobs, doc_id: str, common: Common) -> Found:
    event_id = f"{version.commit}/{blake2b(os.fsencode(doc_id), digest_size=16).hexdigest()}"
    if version.is_deleted:
        return DocumentEvent(doc_id, None, version.time, event_id)
    name = f"{version.commit[:12]}:{version.path}"
    kind = content_type_of(version.path)
    if kind is None or version.mode not in _FILE_MODES:
        return Skipped(name, "not a regular file with a known extension")
    try:
        text = decode_text(blobs.read(version.blob))
    except NotText as error:
        return Skipped(name, str(error))
    document = Document(
        doc_id=doc_id,
        text=text,
        content_type=kind,
        updated_at=format_time(version.time),
        acl=common.acl,
        metadata=common.metadata,
    )
    return DocumentEvent(doc_id, document, version.time, event_id)


def _parse(output: bytes, floor: int = 0) -> Iterator[Version]:
    """Read `--raw -z`: a commit's line, then for each file what it was and is, and its name."""
    commit, latest = "", floor
    tokens = iter(output.split(b"\0"))
    for token in tokens:
        words = token.decode().split()
        if not words:
            continue
        if words[0].startswith(":"):
            path = os.fsdecode(next(tokens))
            yield Version(commit, latest * 1_000_000, path, words[1], words[3])
        else:
            commit, latest = words[0], max(latest, int(words[1]))


def environment() -> dict[str, str]:
    """Ours, less what would point git elsewhere: a hook, for one, runs with such variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


def is_news(_: Change, path: str) -> bool:
    """Whether this file of the `.git` folder, if it changes, may tell of a new commit."""
    parts = Path(path).parts
    return parts[-1] in ("HEAD", "packed-refs") or bool({"refs", "reftable"}.intersection(parts))
