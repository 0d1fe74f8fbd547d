"""`freshet judge`: versions learned from people's labels, shown and put to use."""

import json

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.errors import FreshetError
from tests.doubles.opinions import CommandLog, answered, overconfident, spoken


def run(*arguments: str) -> str:
    """Standard output; an expected error is raised."""
    done = CliRunner().invoke(app, ["judge", *arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_a_calibration_becomes_the_next_version(log: CommandLog) -> None:
    """It judges nothing until it gets a share; `versions` has it at once."""
    overconfident(log, 200)
    found = json.loads(run("calibrate", "--json"))
    assert (found["name"], found["version"], found["share"]) == ("words", 2, 0.0)
    assert found["brier_after"] < found["brier_before"]
    isotonic = run("calibrate", "--method", "isotonic", "--share", "0.1")
    assert "words@3\tshare 0.1\tevery route\tisotonic\t200 labels" in isotonic
    listed = [json.loads(line) for line in run("versions", "--json").splitlines()]
    assert [(one["version"], one["labels"]) for one in listed] == [(2, 200), (3, 200)]


def test_a_dry_run_writes_nothing(log: CommandLog) -> None:
    """It says what would be."""
    overconfident(log, 200)
    assert "(not written)" in run("calibrate", "--dry-run")
    assert log.all("control") == []


def test_a_version_may_be_a_routes_canary(log: CommandLog) -> None:
    """Learned from the labels of its answers."""
    overconfident(log, 200)
    assert "\tdefault\t" in run("calibrate", "--route", "default", "--share", "1")
    with pytest.raises(FreshetError, match="nobody has labelled"):
        run("calibrate", "--route", "canary")


def test_too_few_labels_are_an_error_that_says_how_many_there_are(log: CommandLog) -> None:
    """Nothing is written; a judge that is right already is not made worse."""
    spoken(log, answered(log, 1, 0.9), 1)
    with pytest.raises(FreshetError, match="words: 1 labelled answers; at least 30"):
        run("calibrate")
    for number in range(2, 80):
        spoken(log, answered(log, number, 0.99 if number % 2 else 0.01), 1 if number % 2 else -1)
    with pytest.raises(FreshetError, match=r"would not help.*--force"):
        run("calibrate", "--method", "platt")
    assert log.all("control") == []


def test_a_share_is_set_by_name_and_version(log: CommandLog) -> None:
    """What is no version, no share or not there is said."""
    overconfident(log, 200)
    run("calibrate")
    assert run("share", "words@2", "0.5").startswith("words@2\tshare 0.5")
    for arguments, why in (
        (("words", "1"), "is no NAME@VERSION"),
        (("words@2", "1.5"), "a share is 0 to 1"),
        (("words@9", "1"), "does not exist"),
    ):
        with pytest.raises(FreshetError, match=why):
            run("share", *arguments)


def test_an_unknown_method_is_refused(log: CommandLog) -> None:
    """Before the log is read."""
    with pytest.raises(FreshetError, match="platt or isotonic"):
        run("calibrate", "--method", "guess")
