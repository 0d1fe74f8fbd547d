"""`freshet feedback`: given, exported, and held beside the judge."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.codec import decode_as
from schemas.feedback import Feedback
from streams.cli import app
from streams.errors import FreshetError
from tests.doubles.opinions import CommandLog, answered, overconfident, spoken


def run(*arguments: str) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, ["feedback", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_feedback_is_given_in_an_envelope(log: CommandLog) -> None:
    """Under its answer's id, with all that was said."""
    run("give", "q-1", "down", "--label", "hallucination", "--reviewer", "ana", "--comment", "No.")
    (record,) = log.all("feedback")
    given = decode_as(Feedback, record.value or b"")
    assert (record.key, given.rating, given.labels) == (b"q-1", -1, ["hallucination"])
    assert (given.tenant, given.reviewer, given.comment) == ("default", "ana", "No.")
    assert dict(record.headers)["ce_type"] == b"dev.freshet.feedback.given.v1"


def test_what_is_no_feedback_is_refused(log: CommandLog) -> None:
    """And not written."""
    with pytest.raises(FreshetError, match="up, down or none"):
        run("give", "q-1", "sideways")
    with pytest.raises(FreshetError, match="that is no feedback"):
        run("give", "q-1", "up", "--tenant", "not a tenant")
    assert log.all("feedback") == []


def test_a_thumb_moves_the_agreement(log: CommandLog) -> None:
    """Given by command, and read back."""
    overconfident(log, 40)
    before = json.loads(run("agreement", "--json").splitlines()[0])
    answered(log, 40, 0.95)
    run("give", "q-40", "down")
    after = json.loads(run("agreement", "--json").splitlines()[0])
    assert after["table"]["judge_only"] == before["table"]["judge_only"] + 1
    assert after["kappa"] < before["kappa"]
    shown = run("agreement")
    assert "every judge, every route: 41 answers" in shown
    assert "words@1, default: 41 answers" in shown
    assert "told 0.9 to 1.0" in shown


def test_nothing_known_is_said_to_be_unknown(log: CommandLog) -> None:
    """No figure is made up."""
    assert "0 answers, agreed unknown, kappa unknown" in run("agreement")


def test_an_export_is_made_once(log: CommandLog, tmp_path: Path) -> None:
    """And again only by force."""
    spoken(log, answered(log, 1, 0.9), 1)
    out = str(tmp_path / "made")
    assert "1 rows, 1 grounded" in run("export", "--out", out, "--format", "both")
    with pytest.raises(FreshetError, match="--force"):
        run("export", "--out", out)
    found = json.loads(run("export", "--out", out, "--force", "--json"))
    assert (found["rows"], found["files"][0]) == (1, "labelled_answers.jsonl")
    late = ("--since", "2030-01-01T00:00:00Z")
    assert json.loads(run("export", "--out", out, "--force", "--json", *late))["rows"] == 0


def test_an_unknown_format_is_refused_before_anything_is_read(
    log: CommandLog, tmp_path: Path
) -> None:
    """Nothing is made."""
    with pytest.raises(FreshetError, match="jsonl, parquet or both"):
        run("export", "--out", str(tmp_path / "made"), "--format", "csv")
    assert list(tmp_path.iterdir()) == []
