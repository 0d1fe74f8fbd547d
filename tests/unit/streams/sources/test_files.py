"""Documents from files and folders."""

import os
from pathlib import Path

import pytest

from streams.sources.event import Common, DocumentEvent, Skipped
from streams.sources.files import Folder, deletions, doc_id_of, read, read_all

NOTHING = Common()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents, one of them deeper, beside what is no document."""
    root = tmp_path / "docs"
    (root / "guide").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "index.md").write_text("# Index\n")
    (root / "guide" / "start.rst").write_text("Start\n=====\n")
    (root / "logo.png").write_bytes(b"\x89PNG\0")
    (root / ".git" / "notes.md").write_text("hidden")
    (root / ".draft.md").write_text("hidden")
    return root


def event(path: Path, **more: object) -> DocumentEvent:
    """The event of a file that must be one."""
    found = read(path, "id", NOTHING, **more)  # type: ignore[arg-type]
    assert isinstance(found, DocumentEvent)
    return found


def why(path: Path) -> str:
    """The reason for which a file is skipped; its name is told with it."""
    found = read(path, "id", NOTHING)
    assert isinstance(found, Skipped)
    assert found.name == str(path)
    return found.why


def test_a_file_becomes_a_document_with_its_exact_text(tmp_path: Path) -> None:
    """No line end is translated: offsets count the file's own characters."""
    path = tmp_path / "a.md"
    path.write_bytes(b"one\r\ntwo\r")

    document = event(path, title="A").document

    assert document is not None
    assert (document.text, document.content_type, document.title) == (
        "one\r\ntwo\r",
        "text/markdown",
        "A",
    )


def test_the_caller_may_say_what_text_it_is(tmp_path: Path) -> None:
    """An extension that says nothing is no obstacle then."""
    path = tmp_path / "LICENSE"
    path.write_text("Free")

    document = event(path, content_type="text/plain").document

    assert document is not None
    assert document.content_type == "text/plain"


def test_every_document_gets_the_commands_acl_and_metadata(folder: Path) -> None:
    """What `--acl` and `--metadata` said."""
    common = Common(["acme"], {"team": "a"})

    found = [e.document for e in read_all(folder, ["index.md"], "docs", common)]  # type: ignore[union-attr]

    assert [(d.acl, d.metadata) for d in found if d] == [(["acme"], {"team": "a"})]


def test_no_repetition_is_claimed_for_a_file(folder: Path) -> None:
    """A file that goes back to an earlier text has changed, and must not pass for a duplicate."""
    assert event(folder / "index.md").event_id is None


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.png", b"", "unknown extension '.png'"),
        ("a.md", b"a\0b", "binary"),
        ("a.md", b"\xff\xfe", "not UTF-8"),
        ("missing.md", None, "No such file"),
    ],
)
def test_what_is_no_document_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes | None, expected: str
) -> None:
    """Never silently left out."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    assert expected in why(path)


def test_a_file_far_too_large_is_not_even_read(tmp_path: Path) -> None:
    """Its size is enough: this one takes no room on the disk."""
    path = tmp_path / "huge.txt"
    path.touch()
    os.truncate(path, 1 << 40)

    assert "too large" in why(path)


def test_a_pipe_is_skipped_and_does_not_hang(tmp_path: Path) -> None:
    """Opening it would wait for a writer for ever."""
    path = tmp_path / "pipe.md"
    os.mkfifo(path)

    assert "not a regular file" in why(path)


def test_an_id_is_the_path_below_the_working_folder(tmp_path: Path) -> None:
    """So that `put docs/a.md` and `sync docs` mean the same document."""
    assert doc_id_of(Path("docs/./a.md"), tmp_path) == "docs/a.md"
    assert doc_id_of(tmp_path / "docs" / "a.md", tmp_path) == "docs/a.md"
    assert doc_id_of(Path("../elsewhere/a.md"), tmp_path) == "a.md"


def test_the_first_look_sees_every_document_and_counts_the_rest(folder: Path) -> None:
    """Hidden files and folders are left out altogether."""
    change = Folder(folder).look()

    assert change.written == ["guide/start.rst", "index.md"]
    assert (change.gone, change.skipped, change.others) == ([], [], 1)


def test_a_second_look_sees_only_what_changed(folder: Path) -> None:
    """A write, a new file, a deletion."""
    watched = Folder(folder)
    watched.look()

    (folder / "index.md").write_text("# Another index\n")
    (folder / "new.txt").write_text("new")
    (folder / "guide" / "start.rst").unlink()
    change = watched.look()

    assert (change.written, change.gone) == (["index.md", "new.txt"], ["guide/start.rst"])
    assert watched.look().written == []


def test_a_file_replaced_by_an_older_one_has_changed(folder: Path) -> None:
    """A backup moved back keeps its old times and may have the same size."""
    watched = Folder(folder)
    watched.look()
    backup = folder.parent / "backup"
    backup.write_text("# Xndex\n")
    os.utime(backup, ns=(0, 0))

    backup.replace(folder / "index.md")

    assert watched.look().written == ["index.md"]


def test_a_folder_moved_away_takes_its_documents_along(folder: Path) -> None:
    """The system tells of one move only, not of the files in it."""
    watched = Folder(folder)
    watched.look()

    (folder / "guide").rename(folder.parent / "guide")

    assert watched.look().gone == ["guide/start.rst"]


def test_a_folder_that_cannot_be_read_loses_no_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not seeing a file is no proof that it is gone."""
    watched = Folder(folder)
    watched.look()
    scan = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("guide"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    change = watched.look()

    assert change.gone == []
    assert change.skipped == [Skipped(str(folder / "guide"), "Permission denied")]


def test_patterns_choose_by_path_or_by_name(folder: Path) -> None:
    """As `--glob` says; a chosen file with an unknown extension is then named as skipped."""
    assert Folder(folder, ["*.png"]).look().written == ["logo.png"]
    assert Folder(folder, ["guide/*"]).look().written == ["guide/start.rst"]


def test_a_file_outside_the_patterns_is_still_there(folder: Path) -> None:
    """A sync with a narrower pattern must not delete what it did not look for."""
    narrow = Folder(folder, ["*.md"])

    assert narrow.holds("guide/start.rst")
    assert not narrow.holds("guide/gone.rst")
    assert not narrow.holds("index.md/below-a-file.md")
    assert narrow.holds("no\0name")


def test_ids_stand_under_the_prefix(folder: Path) -> None:
    """Those of new texts and those of deletions."""
    found = list(read_all(folder, ["index.md"], "docs", NOTHING))

    assert [e.doc_id for e in found if isinstance(e, DocumentEvent)] == ["docs/index.md"]
    assert list(deletions(["a.md"], "docs")) == [DocumentEvent("docs/a.md", None)]


def test_a_file_that_went_away_after_the_look_is_no_fault(folder: Path) -> None:
    """The next look sees that it is gone; a link that leads nowhere is a fault, though."""
    (folder / "broken.md").symlink_to(folder / "nowhere.md")

    found = list(read_all(folder, ["gone.md", "broken.md"], "docs", NOTHING))

    assert found == [Skipped(str(folder / "broken.md"), "No such file or directory")]
