"""`freshet replay compare | gate`, on runs that never were."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from streams.cli import app
from streams.errors import FreshetError
from streams.replay.commands.evaluate import WORSE
from tests.doubles.outcomes import outcome, write_run

HOSTILE = "<b>|x|</b> \x1b[2J @all"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """`good` answers all thirty questions right, `bad` none of the last twenty."""
    return write_run(
        tmp_path / "run",
        {
            variant: [
                outcome(
                    f"q{n}",
                    variant=variant,
                    question=f"Who is {n}? {HOSTILE}",
                    answer="It is me. [1]" if good or n < 10 else f"Nobody {HOSTILE}",
                    tokens=(100 if good else 130, 10),
                )
                for n in range(30)
            ]
            for variant, good in (("good", True), ("bad", False))
        },
    )


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """What is right."""
    path = tmp_path / "gold.jsonl"
    rows = [{"query_id": f"q{n}", "answers": ["it is me"]} for n in range(30)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def rules(tmp_path: Path, *some: str, head: str = "") -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(head + "rules:\n" + "".join(f"  - {one}\n" for one in some))
    return path


def invoke(*arguments: object) -> Result:
    done = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    if isinstance(done.exception, FreshetError):
        raise done.exception
    return done


def test_the_table_tells_what_is_worse(run: Path, gold: Path) -> None:
    """As data, with the worst regressions and both of their outcomes."""
    found = json.loads(invoke("compare", run, "--gold", gold, "--json", "--examples", 2).stdout)
    verdicts = {one["metric"]: one["verdict"] for one in found["overall"]}
    assert (verdicts["f1"], verdicts["input_tokens"], verdicts["failed"]) == (
        "worse",
        "worse",
        "unclear",
    )
    assert found["questions"] == found["with_gold"] == 30
    assert len(found["worst"]) == 2
    assert found["worst"][0]["candidate"]["response"]["answer"].startswith("Nobody")


def test_equal_runs_give_equal_tables(run: Path, gold: Path) -> None:
    """To the last digit."""
    one, other = (invoke("compare", run, "--gold", gold, "--json").stdout for _ in range(2))
    assert one == other


def test_what_documents_say_steers_neither_terminal_nor_page(run: Path, gold: Path) -> None:
    """No escape sequence is printed, and no markup stands in the Markdown."""
    text = invoke("compare", run, "--gold", gold).stdout
    assert "Nobody" in text
    assert "\x1b" not in text
    page = invoke("compare", run, "--gold", gold, "--markdown").stdout
    assert "Nobody" in page
    assert "<b>" not in page
    assert " @all" not in page


def test_a_gate_opens_for_what_is_no_worse(run: Path, gold: Path, tmp_path: Path) -> None:
    """Exit code 0, and the summary says so."""
    summary = tmp_path / "summary.md"
    held = rules(tmp_path, "{metric: f1, most_drop: 0.02}", "{metric: input_tokens, most_drop: 5%}")
    done = invoke(
        "gate", f"{run}:bad", f"{run}:good", "--rules", held, "--gold", gold, "--markdown", summary
    )
    assert done.exit_code == 0
    assert "all 2 rules hold" in summary.read_text()


def test_a_gate_stays_shut_for_what_is_worse(run: Path, gold: Path, tmp_path: Path) -> None:
    """With an exit code of its own, and what fails on top of the summary."""
    summary = tmp_path / "summary.md"
    failing = rules(tmp_path, "{metric: answered, least: 0.9}", "{metric: f1, most_drop: 0.02}")
    arguments = ("gate", f"{run}:good", f"{run}:bad", "--rules", failing, "--gold", gold)
    done = invoke(*arguments, "--markdown", summary)
    assert done.exit_code == WORSE
    assert "1 of 2 rules fail" in summary.read_text()
    found = json.loads(invoke(*arguments, "--json").stdout)
    assert (found["holds"], [one["holds"] for one in found["findings"]]) == (False, [True, False])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{metric: recal@5, least: 1}", "no such metric"),
        ("{metric: f1, most_drop: 0.1, least_questions: 31}", "30 questions"),
        ("{metric: groundedness, least: 0.5}", "0 questions"),
        ("{metric: f1}", "neither"),
        ("metric: [", "rules.yaml"),
    ],
)
def test_a_gate_that_cannot_tell_says_why(
    run: Path, gold: Path, tmp_path: Path, rule: str, said: str
) -> None:
    """And opens for nobody: the exit code of an error is 1."""
    with pytest.raises(FreshetError, match=said):
        invoke(
            "gate", f"{run}:good", f"{run}:bad", "--rules", rules(tmp_path, rule), "--gold", gold
        )


def test_other_questions_are_no_comparison(run: Path, tmp_path: Path) -> None:
    """Unless what both have is asked for."""
    fewer = write_run(tmp_path / "fewer", {"x": [outcome(f"q{n}") for n in range(28)]})
    held = rules(tmp_path, "{metric: answered, least: 0.5}")
    with pytest.raises(FreshetError, match="different questions"):
        invoke("gate", f"{run}:good", fewer, "--rules", held)
    assert invoke("gate", f"{run}:good", fewer, "--rules", held, "--common").exit_code == 0
    others = write_run(tmp_path / "others", {"x": [outcome("z")]})
    for arguments in (
        ("gate", f"{run}:good", others, "--rules", held, "--common"),
        ("compare", run, "--baseline", "good", "--candidate", f"{others}:x"),
    ):
        with pytest.raises(FreshetError, match="share no question"):
            invoke(*arguments)


def test_gold_about_other_questions_is_said_so(run: Path, tmp_path: Path) -> None:
    """Rather than a table that lacks half of its rows."""
    path = tmp_path / "other.jsonl"
    path.write_text('{"question": "Why?", "answers": ["because"]}\n')
    with pytest.raises(FreshetError, match="other questions"):
        invoke("compare", run, "--gold", path)


def test_what_goes_together_with_nothing_is_refused(run: Path) -> None:
    """Two forms at once, meanings without anything to compare with, a metric there is not."""
    for arguments in (("--json", "--markdown"), ("--embed",), ("--by", "beauty")):
        with pytest.raises(FreshetError):
            invoke("compare", run, *arguments)
