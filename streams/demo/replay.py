"""The demo looks back: what it just asked is asked again, with two prompts and two unit sizes."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec import json, yaml
from rich.table import Table

from schemas.times import format_time
from streams.demo.questions import QUESTIONS
from streams.demo.stage import Stage

if TYPE_CHECKING:
    from processors.evaluation.pairs import Measured

_LIVE = "live"
_TERSE = """Answer in one short sentence, copied from a passage, with its number in brackets.
If no passage answers the question, say UNANSWERABLE.

{{passages}}

Question: {{question}}

Answer:"""
_SHORTER = {"unit_max": 300}
_VARIANTS: Mapping[str, Mapping[str, object]] = {
    "terse-prompt": {"template": _TERSE},
    "shorter-units": {"chunk": _SHORTER},
    "both": {"template": _TERSE, "chunk": _SHORTER},
}
_FIGURES = {
    "recall@1": "recall@1",
    "mrr": "MRR",
    "answered": "answered",
    "input_tokens": "tokens in",
    "output_tokens": "out",
}
_QUESTIONS = 20
_WITHIN_S = 300.0


class Replay:
    """The last step: of what was asked since `since`, in microseconds."""

    def __init__(self, stage: Stage, since: int) -> None:
        self._stage = stage
        self._since = since
        self._folder = stage.settings.state_dir.resolve() / "demo" / uuid4().hex[:8]

    async def run(self) -> None:
        """Replay, and print the table."""
        stage = self._stage
        stage.title("12. What was asked is asked again, with two prompts and two unit sizes")
        gold, variants = self._write()
        out = self._folder / "run"
        named = [part for one in (_LIVE, *map(str, variants)) for part in ("--variant", one)]
        reach = ("--from", format_time(self._since), "--limit", str(_QUESTIONS))
        done = await asyncio.to_thread(
            _freshet, "replay", "run", *reach, *named, "--no-judge", "--out", str(out)
        )
        if done.returncode:
            stage.console.print(done.stderr[-2000:], markup=False, highlight=False)
            return stage.held("the questions were replayed", False)
        measured = _measured(out, gold)
        stage.console.print(_table(measured))
        stage.console.print(
            f"  with intervals: .venv/bin/freshet replay compare {out} --candidate both "
            f"--gold {gold}",
            soft_wrap=True,
        )
        known = {one.query_id: one.receipt for _, one in stage.given if one.receipt is not None}
        again = {one.outcome.query_id: one.outcome for one in measured[_LIVE]}
        kept = [
            [one.name for one in again[query_id].passages] == receipt.passages
            for query_id, receipt in known.items()
            if query_id in again
        ]
        return stage.held(
            f"as it was, {sum(kept)} of {len(kept)} questions find exactly what they found",
            bool(kept) and all(kept),
        )

    def _write(self) -> tuple[Path, Sequence[Path]]:
        """The gold questions and the variants, as files that anybody could write."""
        self._folder.mkdir(parents=True)
        gold = self._folder / "questions.jsonl"
        lines = (
            {"question": one.text, "doc_ids": [f"packages/{one.package}"]} for one in QUESTIONS
        )
        gold.write_bytes(b"\n".join(map(json.encode, lines)) + b"\n")
        paths = [self._folder / f"{name}.yaml" for name in _VARIANTS]
        for path, variant in zip(paths, _VARIANTS.values(), strict=True):
            path.write_bytes(yaml.encode(variant))
        return gold, paths


def _freshet(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command, as anybody would type it: Spark's session is a process of its own."""
    return subprocess.run(  # noqa: S603
        (sys.executable, "-m", "streams.cli", *arguments),
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
        check=False,
    )


def _measured(out: Path, gold: Path) -> "dict[str, list[Measured]]":
    from streams.replay.sides import Side, golds_of, read

    golds = golds_of([str(gold)])
    return {name: read(Side(out, name), golds) for name in (_LIVE, *_VARIANTS)}


def _table(measured: "Mapping[str, Sequence[Measured]]") -> Table:
    table = Table("variant", "questions", *_FIGURES.values(), box=None, padding=(0, 0, 0, 2))
    for name, found in measured.items():
        table.add_row(name, str(len(found)), *(_mean(found, figure) for figure in _FIGURES))
    return table


def _mean(found: "Sequence[Measured]", figure: str) -> str:
    values = [one.figures[figure] for one in found if figure in one.figures]
    return f"{mean(values):.2f}" if values else "-"
