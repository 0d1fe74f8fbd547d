"""`freshet replay answer | answers`: verdicts, counts and exit codes."""

import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from processors.answer import without_answer
from schemas.codec import encode
from streams.cli import app
from streams.errors import FreshetError
from streams.replay.answered import NoAnswer
from tests.doubles.opinions import CommandLog
from tests.unit.processors.replay.test_reproduction import GIVEN

ALWAYS = ("--from", "1970-01-01T00:00:00Z")


@pytest.fixture(autouse=True)
def responses(log: CommandLog) -> None:
    """A question that was refused, and an answer of whose question nothing is left."""
    refused = without_answer("refused", "acme", "invalid_query", "$.text: is blank")
    for response in (refused, GIVEN):
        log.append("responses", response.query_id, encode(response))


def run(*arguments: str) -> Result:
    """A command's end; an expected error is raised."""
    done = CliRunner().invoke(app, ["replay", *arguments])
    if isinstance(done.exception, FreshetError):
        raise done.exception
    return done


def test_what_is_explained_is_told_and_ends_with_3() -> None:
    """It is neither reproduced nor a fault."""
    done = run("answer", "refused")
    assert done.exit_code == 3
    assert "refused: explained" in done.stdout
    assert "no_retrieval" in done.stdout
    assert "is blank" in done.stdout


def test_as_json_it_is_one_object() -> None:
    """With the prompt where that is wanted, if there is one."""
    found = json.loads(run("answer", "q", "--json", "--show-prompt").stdout)
    assert (found["query_id"], found["verdict"], found["prompt"]) == ("q", "explained", None)
    assert found["differences"][0]["why"] == "changes_gone"


def test_all_answers_are_counted_by_why() -> None:
    """One line each, and the counts last."""
    done = run("answers", *ALWAYS, "--json")
    *each, counts = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["query_id"] for one in each} == {"q", "refused"}
    assert counts["why"] == {"no_retrieval": 1, "changes_gone": 1}
    assert (counts["answers"], counts["different"], done.exit_code) == (2, 0, 0)
    assert "2 answers" in run("answers", *ALWAYS).stdout


def test_what_cannot_be_looked_for_is_an_error() -> None:
    """An answer that there is not, a time without any, an index from elsewhere."""
    with pytest.raises(NoAnswer):
        run("answer", "nobody")
    with pytest.raises(FreshetError, match="no answer was given in that time"):
        run("answers", *ALWAYS, "--to", "1970-01-01T00:00:00Z")
    with pytest.raises(FreshetError, match="log or milvus"):
        run("answer", "q", "--index", "moon")
