"""Evidently reports of one window beside another, in a workspace that Evidently's own UI opens.

`evidently ui --workspace FOLDER` shows them. For people who look into a change that the
detectors of `processors.drift` have found: a report takes seconds, so it is made window by
window and not event by event. Evidently is imported when a report is made, and its telemetry is
off.
"""

import fcntl
import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from evidently import Dataset
    from evidently.core.report import Snapshot
    from evidently.ui.workspace import WorkspaceBase
    from pandas import DataFrame

Metrics = list[Any]

EMBEDDING = "embedding"
LEAST_ROWS = 10
"""Of a window that can be compared."""
_LEAST_EMBEDDED = 31
"""Of both windows together: Evidently cannot draw fewer embeddings."""
_LEAST_AUROC = 0.55
KEPT = 200
"""Reports of a project; older ones are removed, for Evidently reads all of them."""
_CHANCE = 3.0
"""Standard errors of the classifier's AUROC that chance is granted."""


class ReportRow(Struct, frozen=True, kw_only=True):
    """One event as a report has it. Rows of both windows have the same figures."""

    figures: Mapping[str, float | None] = {}
    texts: Mapping[str, str] = {}
    vector: Sequence[float] = ()
    """Of the same dimension in all rows, or empty in all."""


class MadeReport(Struct, frozen=True, kw_only=True):
    """Where a report is found, and what it found to have drifted, in Evidently's words."""

    id: str
    project_id: str
    drifted: list[str]
    compared: int
    """Of so many figures, measures of texts and embeddings."""


class TooFewRowsError(Exception):
    """A window has too few rows to be compared; the message says which, and how many."""


class UnevenRowsError(Exception):
    """Rows differ in what they have: other figures, other texts or another dimension."""


def make_report(
    workspace: Path,
    project: str,
    reference: Sequence[ReportRow],
    current: Sequence[ReportRow],
    at: datetime,
    metadata: Mapping[str, str] | None = None,
) -> MadeReport:
    """Compare two windows and put the report into a workspace; both are made where missing.

    The report has data drift of the figures and of what describes the texts (length, words,
    sentiment-free measures only: nothing is downloaded), and the embeddings' drift by Evidently's
    domain classifier, where there are more than thirty. A figure that no row has is left out.
    `metadata` is kept with the report.

    Raises:
        TooFewRowsError: a window has fewer than ten rows; an empty one has none.
        UnevenRowsError: rows that cannot stand in one table.
    """
    snapshot = _compared(reference, current, at, dict(metadata or {}))
    drifted, compared = _found(snapshot)
    with _opened(workspace) as store:
        known = store.search_project(project)
        home = known[0] if known else store.create_project(project)
        made = store.add_run(home.id, snapshot, include_data=False).id
        # Their ids begin with the time at which they were made.
        for old in sorted(store.list_runs(home.id), key=str)[:-KEPT]:
            store.delete_run(home.id, old)
    return MadeReport(id=str(made), project_id=str(home.id), drifted=drifted, compared=compared)


def write_page(
    file: Path, reference: Sequence[ReportRow], current: Sequence[ReportRow], at: datetime
) -> None:
    """The same report as one HTML file, which loads nothing.

    Raises:
        TooFewRowsError: a window has fewer than ten rows; an empty one has none.
        UnevenRowsError: rows that cannot stand in one table.
    """
    with warnings.catch_warnings():
        # Of figures that do not vary Evidently asks how they vary together.
        warnings.simplefilter("ignore", RuntimeWarning)
        _compared(reference, current, at, {}).save_html(str(file))


def kept_metadata(workspace: Path, project: str) -> list[Mapping[str, object]]:
    """What the reports of a project were made with."""
    with _opened(workspace) as store:
        return [
            snapshot.metadata
            for home in store.search_project(project)
            for run in store.list_runs(home.id)
            if (snapshot := store.get_run(home.id, run)) is not None
        ]


@contextmanager
def _opened(workspace: Path) -> "Iterator[WorkspaceBase]":
    """The workspace, for one at a time; it is made where missing.

    Evidently opens none in which a report is torn, as a crash leaves it: such a file is removed.
    """
    os.environ["DO_NOT_TRACK"] = "1"
    from evidently.ui.workspace import Workspace

    workspace.mkdir(parents=True, exist_ok=True)
    with (workspace / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for file in workspace.glob("*/snapshots/*.json"):
            if not _is_whole(file):
                file.unlink()
        yield Workspace.create(str(workspace))


def _is_whole(file: Path) -> bool:
    with file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(max(0, size - 1))
        return content.read() == b"}"


def _compared(
    reference: Sequence[ReportRow],
    current: Sequence[ReportRow],
    at: datetime,
    metadata: dict[str, str],
) -> "Snapshot":
    _check(reference, current)
    os.environ["DO_NOT_TRACK"] = "1"
    from evidently import Report

    tables = [_table(rows) for rows in (reference, current)]
    figures = _usable_figures(tables, current[0].figures)
    datasets = [_dataset(table, current[0], figures) for table in tables]
    metrics = _metrics(current[0], figures)
    if current[0].vector and len(reference) + len(current) >= _LEAST_EMBEDDED:
        metrics.append(_embeddings(len(reference), len(current)))
    return Report(metrics, include_tests=True, metadata=metadata).run(
        datasets[1], datasets[0], timestamp=at
    )


def _found(snapshot: "Snapshot") -> tuple[list[str], int]:
    """What drifted by the metrics that look for drift, and how many there are."""
    results = [
        (result, label)
        for result in snapshot.metric_results.values()
        for label in [result.display_name]
        if label.startswith(("Value drift for ", "Drift in embeddings"))
    ]
    drifted = [
        f"{label.removeprefix('Value drift for ')}: {test.description}"
        for result, label in results
        for test in result.tests or []
        if test.status.value == "FAIL"
    ]
    return drifted, len(results)


def _chance_auroc(reference: int, current: int) -> float:
    """What a classifier that learned from half of the rows may come to on the other by chance.

    The AUROC's standard error without a difference, by Mann and Whitney (1947); never less than
    Evidently's own threshold.
    """
    first, second = reference / 2, current / 2
    error = math.sqrt((first + second + 1) / (12 * first * second))
    return max(_LEAST_AUROC, 0.5 + _CHANCE * error)


def _check(reference: Sequence[ReportRow], current: Sequence[ReportRow]) -> None:
    for name, rows in (("reference", reference), ("current", current)):
        if len(rows) < LEAST_ROWS:
            raise TooFewRowsError(f"the {name} window has {len(rows)} rows of {LEAST_ROWS}")
    shapes = {
        (frozenset(row.figures), frozenset(row.texts), len(row.vector))
        for row in (*reference, *current)
    }
    if len(shapes) > 1:
        raise UnevenRowsError("rows have different figures, texts or dimensions")


def _table(rows: Sequence[ReportRow]) -> "DataFrame":
    from pandas import DataFrame

    table = DataFrame(
        {name: [_finite(row.figures[name]) for row in rows] for name in rows[0].figures}
    )
    texts = DataFrame({name: [row.texts[name] for row in rows] for name in rows[0].texts})
    columns = _vector_columns(rows[0])
    vectors = DataFrame([row.vector for row in rows], columns=columns) if columns else DataFrame()
    return table.astype("float64").join([texts, vectors], how="outer")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _usable_figures(tables: Sequence["DataFrame"], figures: Iterable[str]) -> list[str]:
    return [name for name in figures if all(table[name].notna().any() for table in tables)]


def _vector_columns(row: ReportRow) -> list[str]:
    return [f"{EMBEDDING}_{place}" for place in range(len(row.vector))]


def _dataset(table: "DataFrame", row: ReportRow, figures: list[str]) -> "Dataset":
    from evidently import DataDefinition, Dataset
    from evidently.descriptors import SentenceCount, TextLength, WordCount

    vectors = _vector_columns(row)
    definition = DataDefinition(
        numerical_columns=figures,
        text_columns=list(row.texts),
        categorical_columns=[],
        embeddings={EMBEDDING: vectors} if vectors else None,
    )
    measures = [
        measure(name, alias=f"{name}: {what}")
        for name in row.texts
        for what, measure in (
            ("characters", TextLength),
            ("words", WordCount),
            ("sentences", SentenceCount),
        )
    ]
    return Dataset.from_pandas(table, data_definition=definition, descriptors=measures)


def _metrics(row: ReportRow, figures: list[str]) -> Metrics:
    from evidently.presets import DataDriftPreset, TextEvals

    metrics: Metrics = []
    described = [
        f"{name}: {what}" for name in row.texts for what in ("characters", "words", "sentences")
    ]
    if figures or described:
        metrics.append(DataDriftPreset(columns=[*figures, *described]))
    if row.texts:
        metrics.append(TextEvals())
    return metrics


def _embeddings(reference: int, current: int) -> Any:
    from evidently.metrics.embeddings import EmbeddingsDrift
    from evidently.tests import lte

    chance = _chance_auroc(reference, current)
    return EmbeddingsDrift(embeddings_name=EMBEDDING, tests=[lte(chance)])
