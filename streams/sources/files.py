"""Documents from files: those named one by one, and all those in a folder."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from schemas.documents import ContentType, Document
from streams.sources.event import (
    CONTENT_TYPES,
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
    unknown_type,
)

PATTERNS = tuple(f"*{extension}" for extension in CONTENT_TYPES)

Stamp = tuple[int, int, int]
"""What differs once a file was written or replaced."""


def doc_id_of(path: Path, cwd: Path) -> str:
    """The path below the working folder; the bare name of a file from elsewhere."""
    inside = Path(os.path.normpath(cwd / path))
    return inside.relative_to(cwd).as_posix() if inside.is_relative_to(cwd) else inside.name


def read(
    path: Path,
    doc_id: str,
    common: Common,
    *,
    content_type: ContentType | None = None,
    title: str | None = None,
) -> Found:
    """One file as a document event, or why it is none."""
    kind = content_type or content_type_of(path.name)
    if kind is None:
        return Skipped(str(path), unknown_type(path.name))
    try:
        text = decode_text(_bytes(path))
    except NotText as error:
        return Skipped(str(path), str(error))
    except OSError as error:
        return Skipped(str(path), error.strerror or str(error))
    document = Document(
        doc_id=doc_id,
        text=text,
        content_type=kind,
        title=title,
        acl=common.acl,
        metadata=common.metadata,
    )
    return DocumentEvent(doc_id, document)


def _bytes(path: Path) -> bytes:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would never end, a folder has no text
        raise NotText("not a regular file")
    if found.st_size > MAX_BYTES:
        raise NotText(too_large(found.st_size))
    return path.read_bytes()


class Change(NamedTuple):
    """What became of a folder since the last look."""

    written: list[str]
    """Names below the folder, in order."""
    gone: list[str]
    skipped: list[Skipped]
    """Folders that cannot be read: of what is below them nothing is known."""
    others: int
    """Files that match no pattern."""


class Folder:
    """A folder looked at again and again. Hidden files and folders are left out.

    Each look compares all of it with the look before: no notice of a single file has to be
    trusted, so a folder that is moved in or out is seen whole.
    """

    def __init__(self, root: Path, patterns: Sequence[str] = PATTERNS) -> None:
        self.root = root
        self._patterns = patterns
        self._stamps: dict[str, Stamp] = {}

    def look(self) -> Change:
        """What was written and what is gone since the last look; at first, all of it."""
        blind: list[OSError] = []
        stamps: dict[str, Stamp] = {}
        others = 0
        for name in _walk(self.root, blind.append):
            if self.matches(name):
                stamps[name] = _stamp(self.root / name)
            else:
                others += 1
        hidden = [Path(error.filename).relative_to(self.root).as_posix() for error in blind]
        for name, stamp in self._stamps.items():
            if name not in stamps and any(_below(name, folder) for folder in hidden):
                stamps[name] = stamp
        written = [name for name, stamp in stamps.items() if self._stamps.get(name) != stamp]
        gone = [name for name in self._stamps if name not in stamps]
        self._stamps = stamps
        skipped = [Skipped(error.filename, error.strerror or str(error)) for error in blind]
        return Change(sorted(written), sorted(gone), skipped, others)

    def matches(self, name: str) -> bool:
        """Whether a name below the folder, or its last part, fits one of the patterns."""
        last = name.rsplit("/", 1)[-1]
        return any(fnmatch(name, each) or fnmatch(last, each) for each in self._patterns)

    def holds(self, name: str) -> bool:
        """Whether there is still a file of this name, whatever the patterns; if in doubt, yes."""
        try:
            (self.root / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, ValueError):
            return True
        return True


def read_all(root: Path, names: Iterable[str], prefix: str, common: Common) -> Iterator[Found]:
    """The files of a folder as events; one that went away meanwhile is passed over."""
    for name in names:
        if os.path.lexists(root / name):
            yield read(root / name, joined(prefix, name), common)


def deletions(names: Iterable[str], prefix: str) -> Iterator[DocumentEvent]:
    """The end of the documents of these files."""
    for name in names:
        yield DocumentEvent(joined(prefix, name), None)


def _walk(root: Path, onerror: Callable[[OSError], None]) -> Iterator[str]:
    for folder, folders, names in os.walk(root, onerror=onerror):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                yield Path(folder, name).relative_to(root).as_posix()


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _below(name: str, folder: str) -> bool:
    return folder == "." or name.startswith(f"{folder}/")
