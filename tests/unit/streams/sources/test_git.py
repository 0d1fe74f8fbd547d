"""Documents from a git repository made here."""

import os
import subprocess
from pathlib import Path

import pytest
from watchfiles import Change

from streams.sources.event import Common, DocumentEvent, Found, Skipped
from streams.sources.git import GitError, Repository, documents, environment, is_news, read_all

START = 1_700_000_000


class Work:
    """A working tree whose clock the test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: int = START) -> str:
        """Run git, committing at a given second."""
        who = {"NAME": "A", "EMAIL": "a@example.org", "DATE": f"{at} +0000"}
        env = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()}
        found = subprocess.run(
            ("git", "-c", "commit.gpgsign=false", *arguments),
            cwd=self.folder,
            env={**environment(), **env},
            check=True,
            capture_output=True,
            text=True,
        )
        return found.stdout.strip()

    def commit(self, files: dict[str, str | bytes | None], at: int = START) -> str:
        """Write (None: delete) files and commit them; the commit's hash."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a change", at=at)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """An empty repository."""
    return Work(tmp_path / "project")


def events(
    work: Work, sub: str = "", since: str | None = None, branch: str = "HEAD"
) -> list[Found]:
    """All that the source yields."""
    repository = Repository(work.folder, sub)
    until = repository.commit(branch)
    versions = documents(repository.versions(until, since))
    return list(read_all(repository, versions, "p", Common()))


def told(found: list[Found]) -> list[tuple[str, str | None]]:
    """Each event's document and text, None for a deletion."""
    return [
        (event.doc_id, event.document.text if event.document else None)
        for event in found
        if isinstance(event, DocumentEvent)
    ]


def state(found: list[Found]) -> dict[str, str]:
    """What the documents are once all events have been taken."""
    return {doc_id: text for doc_id, text in dict(told(found)).items() if text is not None}


def test_every_version_comes_oldest_first_at_its_commits_time(work: Work) -> None:
    """Of documents alone: other files have no text for us."""
    work.commit({"a.md": "one", "code.py": "pass"}, at=START)
    work.commit({"a.md": "two", "sub/b.rst": "b"}, at=START + 60)

    found = events(work)

    assert told(found) == [("p/a.md", "one"), ("p/a.md", "two"), ("p/sub/b.rst", "b")]
    times = [e.document.updated_at for e in found if isinstance(e, DocumentEvent) and e.document]
    assert times[0] == "2023-11-14T22:13:20.000000Z"
    assert times[1] == times[2] == "2023-11-14T22:14:20.000000Z"


def test_a_rename_is_a_deletion_and_a_new_document(work: Work) -> None:
    """The index finds the same units again under the new name."""
    work.commit({"a.md": "the same text"})
    work.git("mv", "a.md", "b.md")
    work.commit({})

    assert told(events(work))[1:] == [("p/a.md", None), ("p/b.md", "the same text")]


def test_a_document_is_never_older_than_its_last_version(work: Work) -> None:
    """Clocks of committers go back; a newer version would otherwise be left out as late."""
    work.commit({"a.md": "one"}, at=START + 3600)
    first = work.git("rev-parse", "HEAD")
    work.commit({"a.md": "two"}, at=START)

    whole = [e.updated_at for e in events(work) if isinstance(e, DocumentEvent)]
    later = [e.updated_at for e in events(work, since=first) if isinstance(e, DocumentEvent)]

    assert whole == [(START + 3600) * 1_000_000] * 2
    assert later == whole[1:]


def test_a_second_walk_makes_the_same_events(work: Work) -> None:
    """Equal ids, so that the index knows them for repetitions; no two versions share one."""
    work.commit({"a.md": "one", "b.md": "one"})
    work.commit({"a.md": "two"})
    work.commit({"a.md": "one", "b.md": None})

    found = events(work)

    assert found == events(work)
    assert len({e.event_id for e in found if isinstance(e, DocumentEvent)}) == len(found) == 5


def test_a_merge_leaves_the_documents_as_the_branch_holds_them(work: Work) -> None:
    """Versions of two branches never take turns: the main line alone is walked."""
    work.commit({"a.md": "base", "b.md": "base"})
    work.git("checkout", "-q", "-b", "side")
    work.commit({"a.md": "side 1"})
    work.commit({"a.md": "side 2"})
    work.git("checkout", "-q", "main")
    work.commit({"b.md": "main"})
    work.git("merge", "-q", "--no-ff", "--no-edit", "side")

    found = events(work)

    assert state(found) == {"p/a.md": "side 2", "p/b.md": "main"}
    assert ("p/a.md", "side 1") not in told(found)


def test_after_a_commit_only_what_is_newer_comes(work: Work) -> None:
    """What `--since` and `--follow` ask for."""
    first = work.commit({"a.md": "one"})
    work.commit({"a.md": "two"})

    assert told(events(work, since=first)) == [("p/a.md", "two")]
    assert events(work, since=work.git("rev-parse", "HEAD")) == []


def test_a_rewritten_branch_is_taken_in_one_step(work: Work) -> None:
    """What was taken back is taken back in the documents, too."""
    work.commit({"a.md": "base"})
    dropped = work.commit({"a.md": "dropped", "b.md": "dropped"})
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.commit({"a.md": "instead"})

    assert told(events(work, since=dropped)) == [("p/a.md", "instead"), ("p/b.md", None)]


def test_only_what_is_below_the_path_is_seen(work: Work) -> None:
    """The path is a name, whatever characters it has: no pattern, no option."""
    work.commit({"docs/a.md": "a", "*/b.md": "b", "c.md": "c", "-p/d.md": "d"})

    assert told(events(work, sub="docs")) == [("p/docs/a.md", "a")]
    assert told(events(work, sub="*")) == [("p/*/b.md", "b")]
    assert told(events(work, sub="-p")) == [("p/-p/d.md", "d")]
    assert told(events(work, sub="docs/")) == [("p/docs/a.md", "a")]


def test_names_with_line_ends_and_quotes_survive(work: Work) -> None:
    """Git would quote them in a listing meant for people."""
    work.commit({'a\n"b"\tä.md': "text"})

    assert told(events(work)) == [('p/a\n"b"\tä.md', "text")]


def test_a_version_that_is_no_text_is_named_and_the_others_go_on(work: Work) -> None:
    """With its commit and path."""
    bad = work.commit({"a.md": b"\xff", "b.md": "b", "c.md": b"\0"})
    os.symlink("b.md", work.folder / "link.md")
    linked = work.commit({})

    found = events(work)

    assert told(found) == [("p/b.md", "b")]
    assert [e for e in found if isinstance(e, Skipped)] == [
        Skipped(f"{bad[:12]}:a.md", "not UTF-8: byte 0 cannot be read"),
        Skipped(f"{bad[:12]}:c.md", "binary: it holds a null byte"),
        Skipped(f"{linked[:12]}:link.md", "not a regular file with a known extension"),
    ]


def test_a_blob_far_too_large_does_not_disturb_the_next(work: Work) -> None:
    """It is read past, not into memory."""
    work.commit({"a.md": b"a" * (33 * 1024 * 1024), "b.md": "b"})

    found = events(work)

    assert isinstance(found[0], Skipped)
    assert "too large" in found[0].why
    assert told(found) == [("p/b.md", "b")]


@pytest.mark.parametrize("revision", ["--all", "-n1", "nowhere", "--output=/tmp/x", ""])
def test_a_revision_is_never_taken_for_an_option(work: Work, revision: str) -> None:
    """It names a commit or it is refused, in git's own words."""
    work.commit({"a.md": "one"})

    with pytest.raises(GitError, match=r"git in .*project"):
        Repository(work.folder).commit(revision)


def test_a_repository_whose_name_begins_with_a_dash_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is where git runs, never an argument."""
    work = Work(tmp_path / "--upload-pack=x")
    work.commit({"a.md": "one"})
    monkeypatch.chdir(tmp_path)

    repository = Repository(Path("--upload-pack=x"))

    assert repository.name == "--upload-pack=x"
    assert len(repository.versions(repository.commit("main"))) == 1


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    """And one that is not there at all."""
    with pytest.raises(GitError, match="not a git repository"):
        Repository(tmp_path)
    with pytest.raises(GitError, match="No such file"):
        Repository(tmp_path / "nowhere")


def test_a_hooks_environment_does_not_lead_elsewhere(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git tells its hooks by variables which repository they serve."""
    work.commit({"a.md": "one"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))

    assert told(events(work)) == [("p/a.md", "one")]


def test_only_what_may_tell_of_a_commit_wakes_the_follower(tmp_path: Path) -> None:
    """Objects and the staging area change all the time."""
    git = tmp_path / ".git"
    wakes = [git / "HEAD", git / "packed-refs", git / "refs" / "heads" / "main"]
    sleeps = [git / "index", git / "objects" / "ab" / "cd", git / "COMMIT_EDITMSG"]

    assert [is_news(Change.modified, str(path)) for path in wakes] == [True] * 3
    assert [is_news(Change.modified, str(path)) for path in sleeps] == [False] * 3
