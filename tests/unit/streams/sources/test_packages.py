"""Documents from installed packages, in an environment made here."""

from importlib.metadata import distributions
from pathlib import Path

import pytest

from schemas.documents import Document
from streams.sources.event import Common, DocumentEvent, Found, Skipped
from streams.sources.packages import (
    NoEnvironment,
    content_type,
    installed,
    normalised,
    read_all,
)

HEAD = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment's folders, with no package yet."""
    (tmp_path / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    return tmp_path


def install(environment: Path, name: str, metadata: str, suffix: str = "dist-info") -> None:
    """What an installer leaves behind of a package."""
    packages = environment / "lib" / "python3.11" / "site-packages"
    folder = packages / f"{name.replace('-', '_')}-1.2.{suffix}"
    folder.mkdir()
    (folder / "METADATA").write_bytes(metadata.encode("utf-8", "surrogateescape"))


def found_in(environment: Path) -> list[Found]:
    """All that the source yields."""
    return list(read_all(installed(environment), Common()))


def document_in(environment: Path) -> Document:
    """The one document that it yields."""
    (event,) = found_in(environment)
    assert isinstance(event, DocumentEvent)
    assert event.document is not None
    return event.document


def test_a_long_description_is_a_document(environment: Path) -> None:
    """Named and titled by its package, with the version to filter by and a page to open."""
    install(
        environment,
        "My-Package",
        HEAD.format(name="My_Package")
        + "Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM\n"
        + "Project-URL: Source Code, https://code.example/p\n"
        + "Project-URL: Documentation, https://docs.example/p\n\n# My package\n\nGrüße.\n",
    )

    document = document_in(environment)

    assert document == Document(
        doc_id="packages/my-package",
        title="My_Package",
        text="# My package\n\nGrüße.\n",
        content_type="text/markdown",
        uri="https://docs.example/p",
        metadata={"version": "1.2"},
    )


def test_a_description_in_the_header_is_unfolded(environment: Path) -> None:
    """Older metadata keeps it among the headers, each further line indented by eight spaces."""
    install(
        environment,
        "old",
        HEAD.format(name="old") + "Description: Old\n        ===\n        \n        Text.\n",
    )

    assert document_in(environment).text.splitlines() == ["Old", "===", "", "Text."]


@pytest.mark.parametrize("text", ["", "\n\n", "UNKNOWN"])
def test_a_package_without_a_description_is_no_document(environment: Path, text: str) -> None:
    """And no fault either."""
    install(environment, "silent", HEAD.format(name="silent") + f"\n{text}")

    assert found_in(environment) == []


def test_damaged_metadata_is_named_and_the_others_go_on(environment: Path) -> None:
    """Without a name, or in another encoding."""
    install(environment, "a", HEAD.format(name="a") + "\nText")
    install(environment, "broken", "Metadata-Version: 2.1\n\nText")
    install(environment, "latin", HEAD.format(name="latin") + "\nGr\udcfc\udcdfe")

    found = found_in(environment)

    assert [e.doc_id for e in found if isinstance(e, DocumentEvent)] == ["packages/a"]
    skipped = {Path(e.name).name: e.why for e in found if isinstance(e, Skipped)}
    assert skipped["broken-1.2.dist-info"] == "its metadata has no name"
    assert "latin-1.2.dist-info" in skipped


def test_of_two_packages_of_one_name_the_first_counts(environment: Path) -> None:
    """As for an import: an upgrade that was cut short leaves both behind."""
    install(environment, "two", HEAD.format(name="two") + "\nfirst")
    install(environment, "two_", HEAD.format(name="Two") + "\nsecond")

    assert document_in(environment).text == "first"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "text/x-rst"),
        ("text/x-rst", "text/x-rst"),
        ("Text/Markdown;variant=GFM", "text/markdown"),
        ("text/plain", "text/plain"),
        ("text/asciidoc", "text/plain"),
    ],
)
def test_the_content_type_is_read_as_the_metadata_standard_has_it(
    header: str | None, expected: str
) -> None:
    """Absent means reStructuredText; what nobody knows is plain text."""
    assert content_type(header) == expected


def test_all_spellings_of_a_name_are_one() -> None:
    """As PEP 503 normalises them."""
    assert {normalised(name) for name in ("A.b_c", "a-B--c", "a_b.c")} == {"a-b-c"}


def test_an_empty_folder_is_no_environment(tmp_path: Path) -> None:
    """A mistyped path must not look like an environment without packages."""
    with pytest.raises(NoEnvironment):
        installed(tmp_path)


def test_this_environment_has_descriptions() -> None:
    """The demonstration's corpus: what is installed here, each package once."""
    events = [e for e in read_all(installed(), Common()) if isinstance(e, DocumentEvent)]
    names = {e.doc_id for e in events}

    assert "packages/pytest" in names
    assert len(names) == len(events) <= len(list(distributions()))
