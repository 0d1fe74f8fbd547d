"""Labelled answers as a dataset, with the lineage that says what they were made of.

Give `Examples` all feedback first, then all evaluations, then the rest: only answers that somebody
spoke of are kept, and what belongs to an answer is told by the tenant of its evaluation.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from processors.feedback.cases import Case, MemoryStore, judged_of
from processors.feedback.join import FeedbackJoin, JoinSpec
from processors.feedback.opinion import Basis, Voice, opinion_of
from schemas.evaluations import Claim, Evaluation, Score
from schemas.feedback import Feedback
from schemas.queries import Query
from schemas.responses import Response
from schemas.times import format_time

SCHEMA = "freshet.labelled-answers@1"

_JSON = msgspec.json.Encoder(order="deterministic")


class Place(Struct, frozen=True):
    """Where in the log an event stands."""

    topic: str
    partition: int
    offset: int


class Said(Struct, frozen=True, kw_only=True):
    """What one person said of the answer, at last."""

    reviewer: str | None
    at: str
    rating: int
    labels: list[str]
    comment: str | None
    correction: str | None


class LabelledAnswer(Struct, frozen=True, kw_only=True):
    """One row: an answer, what the judge found and what people say."""

    query_id: str
    tenant: str
    route: str
    answered_at: str
    question: str | None
    """None where the log no longer has it; so for `answer` and what follows up to `cited`."""
    answer: str | None
    status: str | None
    retrieved: list[str]
    """`passage_id@version`, in the order in which the prompt had them."""
    cited: list[str]
    """Passage ids, in the order of the citations."""
    judge: str
    scores: list[Score]
    claims: list[Claim]
    prompt: str | None
    model: str | None
    embedder: str | None
    index_version: str | None
    grounded: bool | None
    """What people hold together; None at a tie, or where nobody said so or otherwise."""
    basis: Basis | None
    correction: str | None
    """The newest."""
    said: list[Said]
    """By event time."""
    sources: list[Place]
    """The events that this row was made of."""


class Lineage(Struct, frozen=True, kw_only=True):
    """What a dataset was made of, and how."""

    schema: str
    made_at: str
    topics: dict[str, dict[str, tuple[int, int]]]
    """Topic and partition to the first offset read and the one after the last."""
    filters: dict[str, str | int | None]
    judges: dict[str, int]
    """Judge versions and their rows."""
    counts: dict[str, int]
    outcomes: dict[str, int]
    """What all feedback events that were read came to."""
    content_sha256: str
    """Of the rows as JSONL, whichever format they were written in."""
    files: dict[str, str] = {}
    """The files beside this one, and the SHA-256 of each."""


class _Heard(Struct, frozen=True):
    feedback: Feedback
    place: Place


class _Answer(Struct):
    """What the log has of one answer."""

    query: tuple[Query, Place] | None = None
    response: tuple[Response, Place] | None = None
    evaluation: tuple[Evaluation, Place] | None = None


class Examples:
    """Joins the four topics; the same rules as the live join."""

    def __init__(self, spec: JoinSpec) -> None:
        self._spec = spec
        self._store = MemoryStore()
        self._join = FeedbackJoin(spec, self._store)
        self._heard: dict[str, _Heard] = {}
        self._answers: dict[str, _Answer] = {}
        self._outcomes = Counter[str]()

    def feedback(self, feedback: Feedback, place: Place, *, event_id: str, at: int) -> None:
        """Take feedback; for `event_id` and `at` see the join."""
        self._heard[event_id] = _Heard(feedback, place)
        self._answers.setdefault(feedback.query_id, _Answer())
        self._outcomes.update(self._join.feedback(feedback, event_id=event_id, at=at).outcomes)

    def evaluation(self, evaluation: Evaluation, place: Place) -> None:
        """Take an evaluation; the newest of an answer counts."""
        if (answer := self._answers.get(evaluation.query_id)) is None:
            return
        self._outcomes.update(self._join.evaluation(evaluation).outcomes)
        case = self._store.get(evaluation.query_id)
        if case is not None and case.judged == judged_of(evaluation):
            answer.evaluation = evaluation, place

    def query(self, query: Query, place: Place) -> None:
        """Take a question; of two with one id the first of the answer's tenant counts."""
        answer = self._answers.get(query.query_id)
        if answer is not None and answer.query is None and self._is_of(query.tenant, answer):
            answer.query = query, place

    def response(self, response: Response, place: Place) -> None:
        """Take an answer; the last counts."""
        answer = self._answers.get(response.query_id)
        if answer is not None and self._is_of(response.tenant, answer):
            answer.response = response, place

    def outcomes(self) -> dict[str, int]:
        """What the feedback came to; what still waits is `unknown`."""
        ends = Counter(self._outcomes)
        waiting = [case for case in self._store.all() if case.judged is None]
        ends["unknown"] += sum(len(case.voices) for case in waiting)
        del ends["waiting"]
        return {outcome: count for outcome, count in sorted(ends.items()) if count}

    def rows(self, since: int | None = None, until: int | None = None) -> list[LabelledAnswer]:
        """Answers given from `since` (included) to `until` (not), by that time, then id."""
        chosen = [
            (case.judged.answered_at, case)
            for case in self._store.all()
            if case.judged is not None
            and case.voices
            and (since is None or case.judged.answered_at >= since)
            and (until is None or case.judged.answered_at < until)
        ]
        return [self._row(case) for _, case in sorted(chosen, key=lambda pair: pair[0])]

    def _is_of(self, tenant: str, answer: _Answer) -> bool:
        return answer.evaluation is not None and answer.evaluation[0].tenant == tenant

    def _row(self, case: Case) -> LabelledAnswer:
        answer, opinion = self._answers[case.query_id], opinion_of(case.voices)
        assert case.judged is not None
        assert answer.evaluation is not None
        evaluation = answer.evaluation[0]
        query = answer.query[0] if answer.query else None
        response = answer.response[0] if answer.response else None
        receipt = response.receipt if response else None
        voices = sorted(case.voices, key=lambda voice: (voice.at, voice.event_id))
        said = [self._said(voice) for voice in voices]
        heard = [self._heard[voice.event_id].place for voice in voices]
        found = (answer.query, answer.response, answer.evaluation)
        return LabelledAnswer(
            query_id=case.query_id,
            tenant=evaluation.tenant,
            route=case.judged.route,
            answered_at=format_time(case.judged.answered_at),
            question=query.text if query else evaluation.question,
            answer=response.answer if response else None,
            status=response.status if response else None,
            retrieved=receipt.passages if receipt else [],
            cited=[one.passage_id for one in response.citations] if response else [],
            judge=evaluation.judge,
            scores=evaluation.scores,
            claims=evaluation.claims,
            prompt=receipt.prompt if receipt else None,
            model=receipt.model if receipt else None,
            embedder=receipt.embedder if receipt else None,
            index_version=receipt.index_version if receipt else None,
            grounded=opinion.grounded if opinion else None,
            basis=opinion.basis if opinion else None,
            correction=next((one.correction for one in said[::-1] if one.correction), None),
            said=said,
            sources=[*(one[1] for one in found if one), *heard],
        )

    def _said(self, voice: Voice) -> Said:
        feedback = self._heard[voice.event_id].feedback
        return Said(
            reviewer=voice.reviewer,
            at=format_time(voice.at),
            rating=feedback.rating,
            labels=feedback.labels or [],
            comment=feedback.comment,
            correction=feedback.correction,
        )


def jsonl(rows: Iterable[LabelledAnswer]) -> bytes:
    """A line of JSON a row: equal rows give equal bytes."""
    return b"".join(_JSON.encode(row) + b"\n" for row in rows)


def lineage_of(
    rows: Sequence[LabelledAnswer],
    *,
    topics: Mapping[str, Mapping[int, tuple[int, int]]],
    filters: Mapping[str, str | int | None],
    outcomes: Mapping[str, int],
    now: int,
) -> Lineage:
    """The lineage of rows that were made from these offsets, at `now` (microseconds)."""
    labels = Counter(row.grounded for row in rows)
    return Lineage(
        schema=SCHEMA,
        made_at=format_time(now),
        topics={
            topic: {str(partition): span for partition, span in sorted(spans.items())}
            for topic, spans in sorted(topics.items())
        },
        filters=dict(filters),
        judges=dict(sorted(Counter(row.judge for row in rows).items())),
        counts={
            "rows": len(rows),
            "grounded": labels[True],
            "not_grounded": labels[False],
            "unlabelled": labels[None],
            "with_correction": sum(row.correction is not None for row in rows),
        },
        outcomes=dict(outcomes),
        content_sha256=sha256(jsonl(rows)).hexdigest(),
    )
