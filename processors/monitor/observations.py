"""What is watched of each event: figures, and perhaps a vector, at an event time."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct, msgpack
from numpy.typing import NDArray

from processors.drift.windows import Part
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.index import IndexChange

SCORES = (
    *("query_words", "answer_words", "retrieval_score", "groundedness", "relevance"),
    *("completeness", "utilisation", "context_precision", "readability", "refusal"),
    *("latency_ms", "cost_usd", "error"),
)
"""Scores of an evaluation that are watched."""
QUERY_EMBEDDING = "query_embedding"
DOCUMENT_EMBEDDING = "document_embedding"
FEEDBACK_RATING = "feedback_rating"
FRESHNESS = "document_freshness_s"

ANSWERS, DOCUMENTS, FEEDBACK = "answers", "documents", "feedback"
"""What is windowed apart: each has a time of its own."""

VECTORS = (QUERY_EMBEDDING, DOCUMENT_EMBEDDING)
FIGURES = {
    ANSWERS: (*SCORES, QUERY_EMBEDDING),
    DOCUMENTS: ("document_words", FRESHNESS, DOCUMENT_EMBEDDING),
    FEEDBACK: (FEEDBACK_RATING,),
}

ANYBODY = "*"
"""The tenant of what belongs to no single one."""

_TEXT = 1024


class Observed(Struct, frozen=True, omit_defaults=True):
    """One event. A figure that is None is missing: that is watched, too."""

    figures: dict[str, float | None]
    vector: tuple[str, bytes] | None = None
    """The figure that it is, and float32 [d], little-endian."""
    text: str | None = None
    """What an example of it shows."""


class Observation(Struct, frozen=True, kw_only=True):
    """An event with its place in time and traffic."""

    source: str
    part: Part
    event_id: str
    at: int
    seen: Observed


def of_evaluation(evaluation: Evaluation, vector: NDArray[np.float32] | None) -> Observation:
    """An answer with all its scores; `vector` is its question's.

    A score that an answer cannot have (the groundedness of a refusal) is no missing one.
    """
    scores = {score.name: score for score in evaluation.scores}
    figures = {
        name: scores[name].score
        for name in SCORES
        if name in scores and (scores[name].score is not None or scores[name].error is not None)
    }
    return Observation(
        source=ANSWERS,
        part=Part(evaluation.tenant, evaluation.labels.get("route", "")),
        event_id=evaluation.query_id,
        at=evaluation.at if evaluation.answered_at is None else evaluation.answered_at,
        seen=Observed(
            figures,
            None if vector is None else (QUERY_EMBEDDING, vector.astype("<f4").tobytes()),
            (evaluation.question or "")[:_TEXT] or None,
        ),
    )


def of_change(change: IndexChange, logged_at: int | None) -> Observation | None:
    """A document's new text: its length, how soon it was indexed, and what its new units mean.

    None for what brings no text: a deletion, a repetition, a later part.
    """
    if change.status != "indexed" or change.part != 0:
        return None
    words = sum(len(one.text.split()) for one in change.passages_gained)
    figures: dict[str, float | None] = {"document_words": float(words)} if words else {}
    if logged_at is not None:
        figures[FRESHNESS] = max(0.0, (change.index_time - logged_at) / 1e6)
    mean = _mean([unit.vector for unit in change.units_gained])
    return Observation(
        source=DOCUMENTS,
        part=Part(change.acl[0] if change.acl else ANYBODY, ""),
        event_id=f"{change.doc_id}@{change.index_time}",
        at=change.index_time,
        seen=Observed(
            figures,
            None if mean is None else (DOCUMENT_EMBEDDING, mean.astype("<f4").tobytes()),
            (change.title or change.doc_id)[:_TEXT],
        ),
    )


def _mean(vectors: Sequence[bytes]) -> NDArray[np.float32] | None:
    """float32 [d]; what has no mean is one number that is none, which is counted as a fault."""
    if not vectors:
        return None
    size = len(vectors[0])
    if size == 0 or size % 4 or any(len(one) != size for one in vectors):
        return np.full(1, np.nan, np.float32)
    rows = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean: NDArray[np.float32] = np.mean(rows, axis=0, dtype=np.float32)
    return mean


def of_feedback(feedback: Feedback, event_id: str, at: int) -> Observation:
    """A rating. Of its answer's route it knows nothing: it may come before it."""
    return Observation(
        source=FEEDBACK,
        part=Part(feedback.tenant, ""),
        event_id=event_id,
        at=at,
        seen=Observed(
            {FEEDBACK_RATING: float(feedback.rating)},
            None,
            (feedback.comment or "")[:_TEXT] or None,
        ),
    )


def packed(seen: Observed) -> bytes:
    """As a window keeps it."""
    return msgpack.encode(seen)


unpacked = msgpack.Decoder(Observed).decode


def labels_of(part: Part) -> Mapping[str, str]:
    """The part of the traffic, as events name it."""
    named = {"tenant": part.tenant, "route": part.route}
    return {name: value for name, value in named.items() if value}
