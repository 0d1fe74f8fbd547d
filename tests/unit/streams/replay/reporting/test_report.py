"""A report is whole, says the same each time, and runs nothing that a document says."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from typer.testing import CliRunner

from streams.cli import app
from streams.errors import FreshetError
from streams.replay.reporting.page import words_apart
from streams.replay.reporting.plots import Bar, forest
from tests.doubles.outcomes import outcome, passage, write_run

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</pre></style>{{ 7 * 7 }}"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No lineage and no MLflow beside the source."""
    monkeypatch.setenv("FRESHET_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    return tmp_path / "state"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two variants whose documents, questions and answers mean harm."""
    return write_run(
        tmp_path / "run",
        {
            variant: [
                outcome(
                    f"q{n}{HOSTILE}",
                    variant=variant,
                    tenant=f"t{n % 2}",
                    question=HOSTILE,
                    answer=f"{n} {HOSTILE} {variant}",
                    passages=[passage(HOSTILE, text=HOSTILE)],
                    scores={"groundedness": 0.9 if variant == "a" else 0.2 + n % 3 / 10},
                )
                for n in range(40)
            ]
            for variant in ("a", "b")
        },
    )


def invoke(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_a_page_shows_what_was_said_and_runs_none_of_it(run: Path, tmp_path: Path) -> None:
    """Not a script, nor an image; the browser is told to load nothing."""
    made = json.loads(invoke("report", run, "--out", tmp_path / "report", "--json"))
    assert made["files"] == ["comparison.json", "comparison.md", "evidently.html", "index.html"]
    text = (tmp_path / "report" / "index.html").read_text()
    page = html.fromstring(text)
    assert page.xpath("//script | //img | //iframe | //link | //@onerror | //@src") == []
    assert page.xpath("//@href") == ["evidently.html"]
    assert "default-src 'none'" in text
    assert HOSTILE in page.text_content()
    assert len(page.xpath("//svg")) >= 1
    for name in ("evidently.html", "comparison.md"):
        assert "<script>alert(1)" not in (tmp_path / "report" / name).read_text()


def test_equal_runs_give_equal_pages(run: Path, tmp_path: Path) -> None:
    """Byte for byte, but for Evidently's."""
    for name in ("one", "other"):
        invoke("report", run, "--out", tmp_path / name)
    for file in ("index.html", "comparison.json", "comparison.md"):
        one, other = ((tmp_path / name / file).read_bytes() for name in ("one", "other"))
        assert one == other


def test_only_a_report_is_ever_replaced(run: Path, tmp_path: Path) -> None:
    """And only where that is asked for; what is not done leaves nothing behind."""
    invoke("report", run, "--out", tmp_path / "report")
    with pytest.raises(FreshetError, match="--force"):
        invoke("report", run, "--out", tmp_path / "report")
    invoke("report", run, "--out", tmp_path / "report", "--force")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(FreshetError, match="no report"):
        invoke("report", run, "--out", tmp_path / "mine", "--force")
    assert not list(tmp_path.glob(".*"))


def test_few_questions_make_a_report_without_evidently(tmp_path: Path) -> None:
    """Which compares no fewer than ten rows."""
    few = write_run(tmp_path / "few", {v: [outcome("a"), outcome("b")] for v in ("a", "b")})
    made = json.loads(invoke("report", few, "--out", tmp_path / "report", "--json"))
    assert made["files"] == ["comparison.json", "comparison.md", "index.html"]


def test_mlflow_has_each_comparison_once(run: Path, tmp_path: Path, state: Path) -> None:
    """With parameters, metrics, inputs and the report; a file here where no server is named."""
    from streams.prompts.mlflowstore import client

    ids = set()
    for _ in range(2):
        arguments = ("report", run, "--out", tmp_path / "report", "--mlflow", "--force", "--json")
        made = json.loads(invoke(*arguments))
        ids.add(made["mlflow_run"])
    assert len(ids) == 1
    mlflow = client(made["mlflow"])
    found = mlflow.get_run(made["mlflow_run"])
    assert found.info.status == "FINISHED"
    assert found.data.params["candidate.name"] == "b"
    assert found.data.metrics["groundedness.difference"] < -0.5
    assert {one.dataset.name for one in found.inputs.dataset_inputs} == {"run:a", "run:b"}
    kept = {one.path for one in mlflow.list_artifacts(made["mlflow_run"], "report")}
    assert "report/index.html" in kept
    assert str(state) in found.info.artifact_uri


@settings(deadline=None)
@given(st.text(alphabet="ab c\n<", max_size=60), st.text(alphabet="ab c\n<", max_size=60))
def test_runs_of_words_join_to_the_texts(one: str, other: str) -> None:
    """What is the same on both sides is the same text."""
    left, right = words_apart(one, other)
    assert "".join(text for _, text in left) == one
    assert "".join(text for _, text in right) == other
    assert [text for kind, text in left if kind == "same"] == [
        text for kind, text in right if kind == "same"
    ]


def test_a_plot_stays_within_its_picture() -> None:
    """Whatever its labels say, and where nothing differs, too."""
    for bars in ([], [Bar("x", 0, 0, 0, "unclear")], [Bar(HOSTILE, -9e9, -1e10, 1, "worse")]):
        picture = html.fromstring(forest(bars, "%"))
        assert all(0 <= float(x) <= 690 for x in picture.xpath("//@x1 | //@x2 | //@cx"))
        assert picture.xpath("//script | //img") == []
