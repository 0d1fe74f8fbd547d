"""Answers, evaluations and feedback for the tests of the join and what follows it."""

from collections.abc import Sequence
from typing import Any

from processors.feedback.cases import MemoryStore
from processors.feedback.join import FeedbackJoin, JoinSpec
from schemas.evaluations import Evaluation, Score
from schemas.feedback import Feedback

SPEC = JoinSpec(window=100, kept=300)
GIVEN = 1_000
"""When answers are given, unless said otherwise."""


def join(store: MemoryStore | None = None) -> FeedbackJoin:
    """A join with a short window."""
    return FeedbackJoin(SPEC, MemoryStore() if store is None else store)


def evaluation(
    query_id: str = "q",
    probability: float | None = 0.9,
    *,
    judge: str = "judge@1",
    at: int = GIVEN + 10,
    answered_at: int | None = GIVEN,
    tenant: str = "acme",
    route: str = "default",
    label: str | None = None,
) -> Evaluation:
    """What a judge found; its label follows from the probability."""
    if label is None and probability is not None:
        label = "grounded" if probability >= 0.5 else "ungrounded"
    return Evaluation(
        query_id=query_id,
        tenant=tenant,
        judge=judge,
        at=at,
        answered_at=answered_at,
        scores=[Score(name="groundedness", score=probability, label=label)],
        labels={"route": route},
    )


def feedback(
    query_id: str = "q",
    rating: Any = 1,
    *,
    reviewer: str | None = None,
    labels: Sequence[str] | None = None,
    tenant: str = "acme",
) -> Feedback:
    """What somebody says."""
    return Feedback(
        query_id=query_id,
        tenant=tenant,
        rating=rating,
        reviewer=reviewer,
        labels=None if labels is None else list(labels),
    )
