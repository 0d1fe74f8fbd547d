"""Documents from installed packages: the long description in each one's metadata."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path

from schemas.documents import ContentType, Document
from streams.errors import FreshetError
from streams.sources.event import Common, DocumentEvent, Found, NotText, Skipped, decode_text

PREFIX = "packages"

_TYPES: dict[str, ContentType] = {
    "text/markdown": "text/markdown",
    "text/x-rst": "text/x-rst",
    "text/html": "text/html",
}
_MAX_URI = 2048
_NO_TEXT = frozenset({"", "UNKNOWN"})
"""`UNKNOWN` is what old versions of setuptools wrote where nothing was said."""


class NoEnvironment(FreshetError):
    """A folder that holds no installed packages."""


def installed(environment: Path | None = None) -> list[Distribution]:
    """The distributions of an environment, folder by folder of its path, by name in each.

    `environment` is a virtual environment or a folder of packages; default: the environment that
    this process runs in.

    Raises:
        NoEnvironment: there are none.
    """
    found = distributions() if environment is None else distributions(path=_folders(environment))
    by_place: dict[Path, Distribution] = {}
    folders: dict[Path, int] = {}
    for each in found:
        place = _place(each)
        by_place.setdefault(place, each)
        folders.setdefault(place.parent, len(folders))
    if not by_place:
        raise NoEnvironment(f"{environment} holds no installed packages")
    order = sorted(by_place, key=lambda place: (folders[place.parent], place.name.lower()))
    return [by_place[place] for place in order]


def read_all(found: Iterable[Distribution], common: Common) -> Iterator[Found]:
    """Every description that there is, as events; what has none is passed over.

    Of two distributions of one name the first counts, as it does for an import.
    """
    seen: set[str] = set()
    for distribution in found:
        event = read(distribution, common)
        if isinstance(event, DocumentEvent):
            if event.doc_id in seen:
                continue
            seen.add(event.doc_id)
        if event is not None:
            yield event


def read(distribution: Distribution, common: Common) -> Found | None:
    """The description as an event; None where the package has none."""
    place = str(_place(distribution))
    try:
        metadata = distribution.metadata
    except (OSError, UnicodeDecodeError) as error:
        return Skipped(place, f"its metadata cannot be read: {error}")
    name = _field(metadata, "Name")
    if not name:
        return Skipped(place, "its metadata has no name")
    try:
        text = decode_text(
            (_field(metadata, "Description") or "").encode("utf-8", "surrogateescape")
        )
    except NotText as error:
        return Skipped(place, str(error))
    if text.strip() in _NO_TEXT:
        return None
    doc_id = f"{PREFIX}/{normalised(name)}"
    document = Document(
        doc_id=doc_id,
        text=text,
        content_type=content_type(_field(metadata, "Description-Content-Type")),
        title=name,
        uri=_uri(metadata.get_all("Project-URL") or [], _field(metadata, "Home-page")),
        acl=common.acl,
        metadata={"version": _field(metadata, "Version") or "", **(common.metadata or {})},
    )
    return DocumentEvent(doc_id, document)


def normalised(name: str) -> str:
    """The one spelling of a project's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def content_type(header: str | None) -> ContentType:
    """Of a `Description-Content-Type`; absent means reStructuredText (core metadata 2.1)."""
    if header is None:
        return "text/x-rst"
    return _TYPES.get(header.partition(";")[0].strip().lower(), "text/plain")


def _field(metadata: PackageMetadata, name: str) -> str | None:
    return metadata[name] if name in metadata else None  # noqa: SIM401  (it has no `get`)


def _uri(project_urls: Iterable[str], home_page: str | None) -> str | None:
    named: dict[str, str] = {}
    for entry in project_urls:
        label, _, url = entry.partition(",")
        named.setdefault(re.sub(r"[^a-z]", "", label.lower()), url.strip())
    if home_page:
        named.setdefault("homepage", home_page.strip())
    for label in ("documentation", "docs", "homepage", "home", "source", "repository", *named):
        url = named.get(label, "")
        if url.startswith(("https://", "http://")) and len(url) <= _MAX_URI:
            return url
    return None


def _folders(environment: Path) -> list[str]:
    inner = sorted(environment.glob("lib/python3*/site-packages"))
    return [str(folder) for folder in inner or [environment]]


def _place(distribution: Distribution) -> Path:
    """Where its metadata lies. `Distribution` has no public name for it that is always there."""
    return Path(str(distribution.locate_file(""))) / str(getattr(distribution, "_path", ""))
