"""Evidently reports of one window beside another, in a workspace that Evidently's own UI opens.

`evidently ui --workspace FOLDER` shows them. For people who look into a change that the
detectors of `processors.drift` have found: a report takes seconds, so it is made window by
window and not event by event. Evidently is imported when a report is made, and its telemetry is
off.
"""

import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from evidently import Dataset
    from pandas import DataFrame

Metrics = list[Any]

EMBEDDING = "embedding"
_LEAST_ROWS = 10


class ReportRow(Struct, frozen=True, kw_only=True):
    """One event as a report has it. Rows of both windows have the same figures."""

    figures: Mapping[str, float | None] = {}
    texts: Mapping[str, str] = {}
    vector: Sequence[float] = ()
    """Of the same dimension in all rows, or empty in all."""


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
) -> str:
    """Compare two windows and put the report into a workspace; both are made where missing.

    The report has data drift of the figures and of what describes the texts (length, words,
    sentiment-free measures only: nothing is downloaded), and the embeddings' drift by Evidently's
    domain classifier. A figure that no row has is left out. Returns the report's id.

    Raises:
        TooFewRowsError: a window has fewer than ten rows; an empty one has none.
        UnevenRowsError: rows that cannot stand in one table.
    """
    _check(reference, current)
    os.environ["DO_NOT_TRACK"] = "1"
    from evidently import Report
    from evidently.ui.workspace import Workspace

    tables = [_table(rows) for rows in (reference, current)]
    figures = _usable_figures(tables)
    datasets = [_dataset(table, current[0], figures) for table in tables]
    metrics = _metrics(current[0], figures)
    snapshot = Report(metrics, include_tests=True).run(datasets[1], datasets[0], timestamp=at)
    store = Workspace.create(str(workspace))
    known = store.search_project(project)
    home = known[0] if known else store.create_project(project)
    return str(store.add_run(home.id, snapshot, include_data=False).id)


def _check(reference: Sequence[ReportRow], current: Sequence[ReportRow]) -> None:
    for name, rows in (("reference", reference), ("current", current)):
        if len(rows) < _LEAST_ROWS:
            raise TooFewRowsError(f"the {name} window has {len(rows)} rows of {_LEAST_ROWS}")
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


def _usable_figures(tables: Sequence["DataFrame"]) -> list[str]:
    return [
        name
        for name in tables[0].columns
        if tables[0][name].dtype == "float64" and all(t[name].notna().any() for t in tables)
    ]


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
    from evidently.metrics.embeddings import EmbeddingsDrift
    from evidently.presets import DataDriftPreset, TextEvals

    metrics: Metrics = []
    described = [
        f"{name}: {what}" for name in row.texts for what in ("characters", "words", "sentences")
    ]
    if figures or described:
        metrics.append(DataDriftPreset(columns=[*figures, *described]))
    if row.texts:
        metrics.append(TextEvals())
    if row.vector:
        metrics.append(EmbeddingsDrift(embeddings_name=EMBEDDING))
    return metrics
