"""Which variants are compared, and what is right for them, is told from few words."""

import json
from pathlib import Path

import msgspec
import pytest

from processors.feedback.dataset import LabelledAnswer
from streams.errors import FreshetError
from streams.replay.runfiles import NoRun
from streams.replay.sides import GoldError, Side, golds_of, read, side, two
from tests.doubles.outcomes import outcome, passage, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two variants of two questions."""
    asked = [outcome("a", cited=[passage("d")]), outcome("b", status="failed")]
    return write_run(tmp_path / "run", {"live": asked, "wide": asked[:1]})


def test_a_side_is_a_run_or_a_variant_of_one(run: Path) -> None:
    """A run with one variant needs no name."""
    assert side(f"{run}:wide") == Side(run, "wide")
    assert side(str(run), "live") == Side(run, "live")
    only = write_run(run.with_name("only"), {"x": []})
    assert side(str(only)) == Side(only, "x")
    for wrong in (str(run), f"{run}:narrow"):
        with pytest.raises(FreshetError, match="live, wide"):
            side(wrong)
    with pytest.raises(NoRun):
        side(str(run.with_name("nowhere")))


def test_a_path_may_have_a_colon_in_it(run: Path) -> None:
    """A folder that is there is taken for the run."""
    odd = write_run(run.with_name("at-09:30"), {"x": []})
    assert side(str(odd)) == Side(odd, "x")
    assert side(f"{odd}:x") == Side(odd, "x")


def test_two_variants_are_compared_without_being_named(run: Path) -> None:
    """The first is the baseline; the other side may be of another run."""
    assert two(str(run), None, None) == (Side(run, "live"), Side(run, "wide"))
    assert two(str(run), "wide", None) == (Side(run, "wide"), Side(run, "live"))
    other = write_run(run.with_name("other"), {"x": []})
    assert two(str(run), None, f"{other}:x") == (Side(run, "live"), Side(other, "x"))
    for wrong in (("live", "live"), ("narrow", None)):
        with pytest.raises(FreshetError):
            two(str(run), *wrong)
    with pytest.raises(FreshetError, match="--candidate"):
        two(str(other), None, None)


def test_what_was_answered_can_be_what_is_right(run: Path) -> None:
    """Live traffic as the reference: what failed then is no reference."""
    golds = golds_of([f"{run}:live"])
    assert golds is not None
    (measured,) = read(Side(run, "wide"), golds)
    assert measured.figures["exact_match"] == measured.figures["f1"] == 1
    assert measured.figures["recall@1"] == 0
    assert measured.figures["latency_s"] == 0.5
    assert len(golds) == 1


def test_gold_of_several_sources_is_put_together(run: Path, tmp_path: Path) -> None:
    """A file, and what people said."""
    curated = tmp_path / "gold.jsonl"
    curated.write_text(json.dumps({"question": "Who?", "answers": ["me"]}) + "\n")
    plain: dict[str, object] = dict.fromkeys(LabelledAnswer.__struct_fields__)
    row = LabelledAnswer(**{**plain, "query_id": "a", "correction": "Late."})  # type: ignore[arg-type]
    row = msgspec.convert(
        {
            **msgspec.to_builtins(row),
            "tenant": "acme",
            "route": "default",
            "answered_at": "2026-01-01T00:00:00Z",
            "judge": "j@1",
            **{name: [] for name in ("retrieved", "cited", "scores", "claims", "said", "sources")},
        },
        LabelledAnswer,
    )
    folder = tmp_path / "labelled"
    folder.mkdir()
    (folder / "lineage.json").write_text("{}")
    (folder / "labelled_answers.jsonl").write_bytes(msgspec.json.encode(row) + b"\n")
    golds = golds_of([str(curated), str(folder)])
    assert golds is not None
    found = golds.of(outcome("a"))
    assert found is not None
    assert found.answers == ["Late."]
    assert golds.of(outcome("z", question="who?")) is not None
    assert golds_of([]) is None


@pytest.mark.parametrize("body", ["", "{}", '{"question": "Who?", "answer": 1}\n'])
def test_gold_that_cannot_be_used_is_refused(tmp_path: Path, body: str) -> None:
    """With the file's name; so is a source that is nothing of the kind."""
    path = tmp_path / "gold.jsonl"
    path.write_text(body)
    with pytest.raises(GoldError, match=r"gold\.jsonl"):
        golds_of([str(path)])
    with pytest.raises(GoldError, match="neither"):
        golds_of([str(tmp_path)])
