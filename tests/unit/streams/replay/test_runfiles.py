"""A run's folder: written whole, read back, and the same bytes for the same outcomes."""

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.replay.outcome import FoundPassage, Outcome
from schemas.responses import Response, Usage
from streams.replay import runfiles
from streams.replay.runfiles import PARTS, NoRoom, NoRun, part_of, write_part


def outcome(query_id: str, asked_at: int = 1, variant: str = "live") -> Outcome:
    return Outcome(
        variant=variant,
        query_id=query_id,
        tenant="acme",
        question="When do pools close?",
        asked_at=asked_at,
        as_of=asked_at,
        response=Response(
            query_id=query_id,
            tenant="acme",
            status="answered",
            answer="Soon. [1]",
            citations=[],
            usage=Usage(input_tokens=5, output_tokens=2),
            receipt=None,
            timings_ms={},
        ),
        passages=[
            FoundPassage(name="p@1", doc_id="d", start=0, end=5, score=0.1 + 0.2, text="Soon.")
        ],
    )


def described(run: Path, *names: str) -> Path:
    runfiles.write_whole(
        run / "run.json", runfiles.plain({"variants": [{"name": n} for n in names]})
    )
    return run


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Outcomes in the order of their time, latencies beside them."""
    run = described(tmp_path, "live")
    later, sooner = outcome("b", 2), outcome("a", 5)
    write_part(run, "live", 3, [sooner, later], {"a": {"search": 0.25}})
    assert list(runfiles.outcomes(run, "live")) == [later, sooner]
    assert dict(runfiles.latencies(run, "live")) == {"a": {"search": 0.25}, "b": {}}
    assert runfiles.variants(run) == ["live"]


@given(st.permutations([("a", 3), ("b", 1), ("c", 3), ("d", 2)]))
def test_the_order_of_outcomes_changes_no_byte(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[str, int]]
) -> None:
    """Whoever finishes first, the file is the same."""
    run = tmp_path_factory.mktemp("run")
    shuffled = write_part(run, "live", 0, [outcome(*each) for each in order], {})
    assert shuffled == write_part(run, "live", 0, [outcome(*each) for each in sorted(order)], {})


@given(st.text(min_size=1))
def test_every_question_has_a_part(query_id: str) -> None:
    """One of a fixed number, and always the same."""
    assert 0 <= part_of(query_id) < PARTS
    assert part_of(query_id) == part_of(query_id)


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to do, and no reader ever meets half a part."""

    def full(self: Path, body: bytes) -> int:
        with self.open("wb") as half:
            half.write(body[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    run = described(tmp_path, "live")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NoRoom):
        write_part(run, "live", 0, [outcome("a")], {})
    assert list(runfiles.outcomes(run, "live")) == []
    assert [path.name for path in run.rglob("*") if path.is_file()] == ["run.json"]


def test_what_a_killed_writer_left_is_cleaned_away(tmp_path: Path) -> None:
    """Files and folders that never took their name."""
    left = tmp_path / "outcomes" / "part-00000.jsonl.17.unfinished"
    folder = tmp_path / ".work" / "index.17.unfinished"
    folder.mkdir(parents=True)
    left.parent.mkdir()
    left.write_bytes(b"{")
    runfiles.clean(tmp_path)
    assert not left.exists()
    assert not folder.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"variants": [1]}'])
def test_a_folder_without_a_run_is_refused(tmp_path: Path, body: bytes) -> None:
    """As is one whose description is damaged."""
    with pytest.raises(NoRun):
        runfiles.variants(tmp_path)
    (tmp_path / "run.json").write_bytes(body)
    with pytest.raises(NoRun):
        runfiles.variants(tmp_path)


def test_a_variant_that_the_run_has_not_is_refused(tmp_path: Path) -> None:
    """The error names those that it has."""
    run = described(tmp_path, "live", "short")
    with pytest.raises(NoRun, match="live, short"):
        list(runfiles.outcomes(run, "long"))


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    """With the line that cannot be read."""
    run = described(tmp_path, "live")
    write_part(run, "live", 0, [outcome("a")], {})
    path = runfiles.part_path(run, runfiles.OUTCOMES, "live", 0)
    path.write_bytes(path.read_bytes() + b"{")
    with pytest.raises(NoRun, match=r"part-00000\.jsonl:2"):
        list(runfiles.outcomes(run, "live"))
