"""`freshet prompts`: versions made, pointed at, compared, taken back and kept from harm."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from processors.prompt import TEMPLATE
from schemas.codec import encode
from schemas.control import Alias, PromptVersion, key_of
from schemas.examples import EXAMPLES
from streams.cli import app
from streams.control import Conflict
from streams.errors import FreshetError
from tests.doubles.opinions import CommandLog

SHORT = TEMPLATE.replace("one to three sentences", "one sentence")


def run(*arguments: str, code: int = 0) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, ["prompts", *arguments])
    if isinstance(done.exception, FreshetError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


def found(*arguments: str, code: int = 0) -> Any:
    """What a command prints as JSON, line by line."""
    return [json.loads(line) for line in run(*arguments, "--json", code=code).splitlines()]


@pytest.fixture
def short(tmp_path: Path) -> str:
    """A prompt's text in a file, as an editor leaves it."""
    path = tmp_path / "short.txt"
    path.write_text(SHORT + "\n")
    return str(path)


def test_what_is_built_in_is_listed_before_anything_was_said(log: CommandLog) -> None:
    """A platform team begins with what answers now."""
    assert run("list").startswith("answer@1\tanswer@production\tfreshet\t-\tbuilt in")
    (one,) = found("list")
    assert (one["reference"], one["aliases"]) == ("answer@1", ["answer@production"])
    assert log.all("control") == []


def test_a_file_becomes_the_next_version_and_an_alias_moves_to_it(
    log: CommandLog, short: str
) -> None:
    """One command, or two; who, why and what are in the log."""
    assert run("add", "answer", short, "--why", "shorter") == "answer@2\n"
    assert found("list")[0]["aliases"] == ["answer@production"]
    moved = run("alias", "answer@production", "answer@2", "--why", "it is better")
    assert moved == "answer@production stands for answer@2\n"
    assert "already" in run("alias", "answer@production", "answer@2", "--why", "again")
    run("add", "answer", short, "--why", "the same", "--alias", "staging")
    told = [line.split("\t")[2:] for line in run("log", "answer").splitlines()]
    assert told == [
        ["answer@2 added", "shorter"],
        ["answer@production: answer@1 -> answer@2", "it is better"],
        ["answer@3 added", "the same"],
        ["answer@staging: nothing -> answer@3", "the same"],
    ]
    assert run("log", "other") == ""
    assert {one["change"] for one in found("log")} >= {"answer@3 added"}


def test_a_rollback_goes_back_step_by_step(log: CommandLog, short: str) -> None:
    """Also over what was removed since, and not beyond the first."""
    for number in (2, 3, 4):
        run("add", "answer", short, "--why", f"try {number}", "--alias", "production")
    run("remove", "answer@3", "--why", "bad")
    assert run("rollback", "answer@production") == "answer@production stands for answer@2\n"
    assert found("rollback", "answer@production")[0]["target"] == "answer@1"
    with pytest.raises(FreshetError, match="stood for nothing before"):
        run("rollback", "answer@production")
    with pytest.raises(FreshetError, match="answer@beta is not set"):
        run("rollback", "answer@beta")


def test_what_show_prints_add_takes(log: CommandLog, tmp_path: Path) -> None:
    """Variables, checks, parameters and tags included."""
    example = EXAMPLES[PromptVersion]
    assert isinstance(example, PromptVersion)
    example = replace(example, name="own")
    log.append("control", key_of(example), encode(example))
    path = tmp_path / "own.yaml"
    path.write_text(run("show", "own@1"))
    run("add", "own", str(path), "--why", "as it was")
    assert run("diff", "own@1", "own@2") == ""
    (one,), (two,) = found("show", "own@1"), found("show", "own@2")
    for field in ("template", "variables", "checks", "parameters", "tags"):
        assert one[field] == two[field]


def test_a_diff_shows_the_lines_that_differ(log: CommandLog, short: str) -> None:
    """Of references of any kind, under the versions' names."""
    run("add", "answer", short, "--why", "shorter")
    text = run("diff", "answer@production", "answer@2")
    assert text.startswith("--- answer@1\n+++ answer@2\n")
    assert "-  Copy the one to three sentences" in text
    assert "+  Copy the one sentence" in text
    (plain,) = found("diff", "answer@1", "answer@2")
    assert (plain["same"], plain["diff"]) == (False, text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Question: {{question}}", "{{passages}} is missing"),
        (TEMPLATE.replace("Answer the", "Please {{tone}} answer the"), "{{tone}} is not declared"),
        (TEMPLATE.replace("Question: ", "Q: "), "the reader wants"),
    ],
)
def test_a_prompt_that_would_fail_its_questions_is_refused_at_the_edge(
    log: CommandLog, tmp_path: Path, text: str, wrong: str
) -> None:
    """`check` says so with exit code 1, and `add` writes nothing."""
    path = tmp_path / "bad.txt"
    path.write_text(text)
    assert wrong in run("check", str(path), code=1)
    (plain,) = found("check", str(path), code=1)
    assert wrong in plain["faults"][0]
    with pytest.raises(FreshetError, match=re.escape(wrong)):
        run("add", "answer", str(path), "--why", "no reason")
    assert log.all("control") == []


def test_another_model_may_want_another_prompt(log: CommandLog, tmp_path: Path) -> None:
    """What the extractive reader cannot read is let through for it, and only for it."""
    path = tmp_path / "chatty.txt"
    path.write_text("Q: {{question}}\n{{passages}}\nNow answer.")
    assert run("check", str(path), "--model", "llm").startswith("well; ")
    run("add", "answer", str(path), "--why", "for the llm", "--model", "llm")
    with pytest.raises(FreshetError, match="--model names another"):
        run("alias", "answer@production", "answer@2", "--why", "live")
    run("alias", "answer@production", "answer@2", "--why", "live", "--model", "llm")


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("bad.yaml", "template: [", "cannot be read"),
        ("bad.yaml", "just text", "has no fields"),
        ("bad.yaml", "tmplate: x", "missing required field `template`"),
        ("bad.yaml", "{template: x, chekcs: {}}", "no field chekcs"),
        ("bad.yaml", "{template: x, 1: 2}", "no field 1"),
        ("bad.yaml", "{template: x, variables: [{name: t, max: 3}]}", "no field variables.max"),
        ("bad.json", '{"template": "x", "checks": {"max": 3}}', "no field checks.max"),
        ("bad.yaml", "{template: x, version: 7}", "no field version"),
        ("bad.yaml", "{template: x, tags: {a: 1}}", "Expected `str`"),
        ("empty.txt", "", "length >= 1"),
        ("missing.txt", None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused(
    log: CommandLog, tmp_path: Path, name: str, text: str | None, wrong: str
) -> None:
    """What is misspelt, too: nobody would ever look at it."""
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(FreshetError, match=wrong):
        run("add", "answer", str(tmp_path / name), "--why", "no reason")
    assert log.all("control") == []


def test_an_alias_to_nothing_is_refused_at_the_edge(log: CommandLog, short: str) -> None:
    """Also one that never was, to another prompt's, or with a version's name."""
    run("add", "other", short, "--why", "another prompt")
    for arguments, wrong in (
        (("answer@production", "answer@9"), "answer@9 does not exist"),
        (("answer@production", "answer@beta"), "answer@beta was never set"),
        (("answer@production", "other@1"), "another prompt"),
        (("answer@7", "answer@1"), "answer@7 is a version"),
        (("answer@no name", "answer@1"), "answer@no name"),
    ):
        with pytest.raises(FreshetError, match=wrong):
            run("alias", *arguments, "--why", "no reason")
    assert len(log.all("control")) == 1


def test_an_alias_moves_only_from_where_it_is_said_to_be(log: CommandLog, short: str) -> None:
    """Whoever decided on what they saw yesterday is told that it is another today."""
    run("add", "answer", short, "--why", "shorter")
    with pytest.raises(FreshetError, match="stands for answer@1, not for answer@2"):
        run("alias", "answer@production", "answer@2", "--why", "x", "--from", "answer@2")
    run("alias", "answer@production", "answer@2", "--why", "x", "--from", "answer@1")
    run("alias", "answer@beta", "answer@production", "--why", "x", "--from", "nothing")
    assert found("list")[1]["aliases"] == ["answer@beta", "answer@production"]


def test_two_who_move_one_alias_get_a_conflict(log: CommandLog, short: str) -> None:
    """The first counts; the second is told whose that was, and nothing is lost."""
    run("add", "answer", short, "--why", "shorter")
    theirs = Alias(
        name="answer@production",
        of="prompt",
        target="answer@2",
        revision=1,
        by="ben",
        why="mine",
        at=1,
    )

    def first(record: Any) -> None:
        log.before_append = None
        log.append("control", key_of(theirs), encode(theirs))

    run("alias", "answer@beta", "answer@2", "--why", "another")
    log.before_append = first
    with pytest.raises(Conflict, match="by ben at the same time"):
        run("alias", "answer@production", "answer@beta", "--why", "mine")
    assert "answer@production: answer@1 -> answer@2\tmine" in run("log")


def test_what_is_in_use_is_not_removed(log: CommandLog, short: str) -> None:
    """Nor twice, nor what never was."""
    run("add", "answer", short, "--why", "shorter", "--alias", "beta")
    with pytest.raises(FreshetError, match="in use: answer@beta"):
        run("remove", "answer@2", "--why", "away")
    with pytest.raises(FreshetError, match="in use: the route default"):
        run("remove", "answer@production", "--why", "away")
    run("remove", "answer@beta", "--why", "away")
    run("remove", "answer@2", "--why", "away")
    assert found("list")[1]["removed"] is True
    assert "answer@2\tremoved\t" in run("list")
    assert "answer@beta: answer@2 -> nothing" in run("log")
    with pytest.raises(FreshetError, match="answer@2 was removed"):
        run("remove", "answer@2", "--why", "away")
    assert run("add", "answer", short, "--why", "again") == "answer@3\n"


def test_what_dangles_is_listed(log: CommandLog) -> None:
    """Written past the commands, and told by them."""
    stray = Alias(
        name="answer@beta", of="prompt", target="answer@9", revision=1, by="x", why="x", at=1
    )
    log.append("control", key_of(stray), encode(stray))
    assert "alias/prompt/answer@beta\t-\tanswer@beta: the prompt answer@9" in run("list")
    assert found("list")[-1]["key"] == "alias/prompt/answer@beta"
