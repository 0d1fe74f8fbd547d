"""`freshet control` and `freshet audit`: files, and who changed what."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from processors.builtin import built_in
from schemas.codec import encode
from schemas.control import Alias, ApiKey, Environment, PromptVersion, key_of
from schemas.examples import EXAMPLES
from streams.cli import app
from streams.errors import FreshetError
from tests.doubles.opinions import CommandLog

BASE = built_in("reader")
PROMPT = next(event for event in BASE if isinstance(event, PromptVersion))
ALIAS = next(event for event in BASE if isinstance(event, Alias))
WHY = ("--why", "a trial")


def run(*arguments: str, fails: bool = False) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert (done.exit_code != 0) == fails, done.output
    return done.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A prompt and an alias, as another environment exports them."""
    newer = replace(PROMPT, version=2, template=f"Briefly. {PROMPT.template}", by="ben", why="so")
    moved = replace(ALIAS, target="answer@2", by="ben", why="so")
    path = tmp_path / "promoted.jsonl"
    path.write_bytes(encode(moved) + b"\n\n" + encode(newer) + b"\n")
    return path


def test_a_file_is_tried_then_taken_in_then_found_again(log: CommandLog, file: Path) -> None:
    """Trying writes nothing; what is exported is what was taken in."""
    tried = run("control", "import", str(file), "--dry-run", *WHY)
    assert "template: nothing -> " in tried
    assert log.all("control") == []
    run("control", "import", str(file), *WHY)
    assert sorted(r.key or b"" for r in log.all("control")) == [
        b"alias/prompt/answer@production",
        b"prompt/answer@2",
    ]
    exported = [json.loads(line) for line in run("control", "export").splitlines()]
    assert [one["kind"] for one in exported] == ["prompt", "alias"]
    again = run("control", "import", str(file), "--json", *WHY).splitlines()
    assert {json.loads(line)["outcome"] for line in again} == {"same"}
    assert len(log.all("control")) == 2


def test_of_a_file_that_is_refused_in_part_nothing_is_written(log: CommandLog, file: Path) -> None:
    """Exit code 1, and the reason."""
    lines = file.read_text().splitlines()
    file.write_text(lines[0])
    said = run("control", "import", str(file), *WHY, fails=True)
    assert "answer@2" in said
    assert log.all("control") == []


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b'{"kind": "song"}',
        encode(EXAMPLES[ApiKey]),
        encode(EXAMPLES[Environment]),
        b'{"kind": "alias"}',
    ],
)
def test_what_is_no_event_to_promote_is_refused_by_its_line(
    log: CommandLog, file: Path, line: bytes
) -> None:
    """A key least of all."""
    file.write_bytes(file.read_bytes() + line)
    with pytest.raises(FreshetError, match="line 4"):
        run("control", "import", str(file), *WHY)
    assert log.all("control") == []


@pytest.mark.usefixtures("log")
def test_kinds_and_files_that_there_are_not_are_refused(tmp_path: Path) -> None:
    """With what there is."""
    with pytest.raises(FreshetError, match="prompt"):
        run("control", "export", "--kind", "key")
    with pytest.raises(FreshetError, match="cannot read"):
        run("control", "import", str(tmp_path / "none"), *WHY)


def test_the_audit_tells_who_took_it_in(log: CommandLog, file: Path) -> None:
    """Field by field, and chosen by key, author and time."""
    run("control", "import", str(file), *WHY)
    entries = [json.loads(line) for line in run("audit", "--json").splitlines()]
    assert {one["key"] for one in entries} == {"prompt/answer@2", "alias/prompt/answer@production"}
    assert all(one["why"] == "a trial; ben: so" for one in entries)
    by = entries[0]["by"]
    assert len(run("audit", "--who", by, "--key", "alias/").splitlines()) == 1
    assert run("audit", "--who", "nobody") == ""
    assert run("audit", "--since", "2100-01-01T00:00:00Z") == ""
    assert len(run("audit", "--since", "9999d").splitlines()) == 2
    with pytest.raises(FreshetError, match="24h"):
        run("audit", "--since", "yesterday")
    assert key_of(ALIAS) in run("audit")
