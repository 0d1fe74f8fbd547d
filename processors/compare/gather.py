"""The answers of a route, put together from the log.

Give it all responses first, then the rest in any order: only what belongs to an answer of the
route is kept. What is told by another tenant's events is left out.
"""

from collections.abc import Iterator, Mapping

from processors.compare.figures import Answer
from processors.feedback.cases import GROUNDED_LABEL, SCORE
from processors.feedback.opinion import Voice, opinion_of, voice_of
from processors.routes import is_of
from processors.shares import unit_of
from schemas.evaluations import Evaluation
from schemas.feedback import Feedback
from schemas.queries import Query
from schemas.responses import Response

_COST = "cost_usd"
_QUEUED = "queued"
"""Until a worker had room for it, which shadows have less of."""


class Gathering:
    """Answers of one route to questions asked from a moment on."""

    def __init__(self, route: str) -> None:
        self._route = route
        self._answers: dict[str, Answer] = {}
        self._judged_at: dict[str, tuple[int, str]] = {}
        self._voices: dict[str, dict[tuple[str, str | None], Voice]] = {}
        self._of_question: dict[str, list[str]] = {}
        """A question's id to those of its answer and of its shadows'."""

    def response(self, response: Response) -> None:
        """Take a response; of two to one question the first counts."""
        route = response.route
        if route is None or not is_of(route, self._route) or response.query_id in self._answers:
            return
        self._answers[response.query_id] = _answer(response, route)
        asked = response.shadow_of or response.query_id
        self._of_question.setdefault(asked, []).append(response.query_id)

    def query(self, query: Query) -> None:
        """Take a question."""
        for query_id in self._of_question.get(query.query_id, ()):
            answer = self._answers[query_id]
            if answer.tenant == query.tenant:
                answer.unit = unit_of(query)

    def evaluation(self, evaluation: Evaluation) -> None:
        """Take an evaluation; the newest of an answer counts."""
        answer = self._answers.get(evaluation.query_id)
        place = (evaluation.at, evaluation.judge)
        if answer is None or answer.tenant != evaluation.tenant:
            return
        if place < self._judged_at.get(evaluation.query_id, place):
            return
        self._judged_at[evaluation.query_id] = place
        scores = {score.name: score for score in evaluation.scores}
        judged, cost = scores.get(SCORE), scores.get(_COST)
        if judged is not None and judged.score is not None:
            answer.groundedness = judged.score
            answer.is_grounded = judged.label == GROUNDED_LABEL
        answer.cost_usd = None if cost is None else cost.score

    def feedback(self, feedback: Feedback, *, event_id: str, at: int) -> None:
        """Take what somebody said; the newest word of each person counts."""
        answer = self._answers.get(feedback.query_id)
        if answer is None or answer.tenant != feedback.tenant or answer.shadow_of is not None:
            return
        voice = voice_of(feedback, event_id=event_id, at=at)
        voices = self._voices.setdefault(feedback.query_id, {})
        before = voices.get(voice.person)
        if before is None or voice.is_newer_than(before):
            voices[voice.person] = voice
        opinion = opinion_of(voices.values())
        answer.is_liked = None if opinion is None else opinion.grounded

    def answers(self) -> Iterator[Answer]:
        """Those whose questions were given, by id."""
        return (self._answers[name] for name in sorted(self._answers) if self._answers[name].unit)


def _answer(response: Response, route: str) -> Answer:
    receipt, error = response.receipt, response.error
    return Answer(
        query_id=response.query_id,
        tenant=response.tenant,
        branch=route.rpartition("/")[2],
        status=str(response.status),
        is_given_up=error is not None and error.type == "cancelled",
        latency_ms=_taken(response.timings_ms) if response.timings_ms else None,
        tokens=response.usage.input_tokens + response.usage.output_tokens,
        passages=[] if receipt is None else receipt.passages,
        way="" if receipt is None else f"{receipt.prompt} {receipt.model} {receipt.index_version}",
        shadow_of=response.shadow_of,
    )


def _taken(timings_ms: Mapping[str, float]) -> float:
    return sum(taken for step, taken in timings_ms.items() if step != _QUEUED)
