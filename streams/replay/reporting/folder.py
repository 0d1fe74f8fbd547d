"""A report's folder: the page, the figures as data and as Markdown, and Evidently's report.

    index.html       to read; loads nothing
    comparison.json  all of it as data
    comparison.md    for a pull request
    evidently.html   the two sides' distributions beside one another, where questions are enough

Equal runs give equal bytes, but for Evidently's.
"""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from monitoring.reports import LEAST_ROWS, ReportRow, write_page
from processors.evaluation.pairs import Measured, Pair
from streams.dataset import put_in_place
from streams.errors import FreshetError
from streams.replay import evaltables
from streams.replay.evaluating import Evaluated, plain
from streams.replay.reporting.page import page
from streams.replay.runfiles import plain as as_json

INDEX, FIGURES, SUMMARY, EVIDENTLY = (
    "index.html",
    "comparison.json",
    "comparison.md",
    "evidently.html",
)
_EXAMPLES = 5


def check_target(out: Path, *, force: bool) -> None:
    """Whether a report may be written there. Raises FreshetError; `force` replaces a report."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / FIGURES).is_file():
        raise FreshetError(f"{out} is there and is no report; name another --out")
    if not force:
        raise FreshetError(f"{out} is there; --force replaces it, or name another --out")


def write(found: Evaluated, out: Path) -> list[str]:
    """Write a report in place of whatever is at `out`; gives the files' names."""
    made = out.with_name(f".{out.name}-{uuid4().hex}")
    made.mkdir(parents=True)
    try:
        has_evidently = _evidently(found.paired.pairs, made / EVIDENTLY)
        (made / INDEX).write_text(page(found, evidently=has_evidently), errors="replace")
        (made / FIGURES).write_bytes(as_json(plain(found)))
        (made / SUMMARY).write_text(evaltables.markdown(found, _EXAMPLES), errors="replace")
        files = sorted(path.name for path in made.iterdir())
        put_in_place(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return files


def _evidently(pairs: Sequence[Pair], file: Path) -> bool:
    """Baseline as reference, candidate as current; False where they are too few."""
    if len(pairs) < LEAST_ROWS:
        return False
    names = sorted({name for pair in pairs for side in _sides(pair) for name in side.figures})
    reference = [_row(pair.baseline, names) for pair in pairs]
    current = [_row(pair.candidate, names) for pair in pairs]
    newest = max(pair.baseline.outcome.asked_at for pair in pairs)
    write_page(file, reference, current, datetime.fromtimestamp(newest / 1e6, UTC))
    return True


def _row(side: Measured, names: Sequence[str]) -> ReportRow:
    return ReportRow(
        figures={name: side.figures.get(name) for name in names},
        texts={"answer": side.outcome.response.answer},
    )


def _sides(pair: Pair) -> Iterator[Measured]:
    yield pair.baseline
    yield pair.candidate
