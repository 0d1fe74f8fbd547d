"""A past question answered by a variant: by the answerer and the evaluator of the live workers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from processors.allowance import TooLittle
from processors.answer import (
    WITHOUT_BOUND,
    Answerer,
    Means,
    ReadPoint,
    to_nobody,
    without_answer,
)
from processors.control import Control
from processors.judge.evaluate import Answered, Evaluator
from processors.ledger.money import cost, price_of
from processors.ports import Embedder, IndexReader, Reader
from processors.prompt import ValueTooLong
from processors.readtime import AppliedHistory
from processors.replay.outcome import FoundPassage, Outcome
from processors.replay.question import Question
from processors.replay.standins import Witness, prompt_sha256
from processors.replay.variant import Variant, plan_for, prompt_of
from processors.routes import label
from processors.search import Retrieved
from processors.statistics import Statistics
from processors.tokens import WORDS, Tokenizer
from processors.version import IndexSpec
from schemas.evaluations import Evaluation
from schemas.queries import Plan
from schemas.responses import Error, ErrorType, Response, Status
from schemas.times import format_time

Prices = Mapping[str, tuple[float, float]]
Seconds = dict[str, float]
"""How long each step took."""


class Lane(Struct, frozen=True, kw_only=True):
    """An index version at hand, as of any index time."""

    spec: IndexSpec
    index: IndexReader
    statistics: Statistics
    applied: AppliedHistory
    embedder: Embedder
    """Of questions."""
    evaluator: Evaluator | None
    """None where nobody judges."""
    whole_from: int = 0
    """The index time before which it cannot be told how it would have been."""


class Failed(Exception):
    """A question that cannot be replayed, and never will be: what its outcome says of it."""

    def __init__(self, error: Error, *, answered: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.answered = answered
        """It is the answer that it would have had, not that there is none to be had."""


class Replayer:
    """Answers questions by one variant, many at once; it keeps no state of its own."""

    def __init__(
        self,
        variant: Variant,
        control: Control,
        *,
        lanes: Callable[[str, str], Lane],
        readers: Callable[[str], Awaitable[Reader]],
        clock: Callable[[], int],
        timeout_s: float,
        prices: Prices,
        tokenizer: Tokenizer = WORDS,
    ) -> None:
        """`lanes` gives the lane for the index version that a question was asked of and the one
        that the variant asks; it and `readers`, and the ports that they give, raise Failed for
        what will not change, and anything else for what may."""
        self._variant = variant
        self._control = control
        self._lanes = lanes
        self._readers = readers
        self._clock = clock
        self._timeout_s = timeout_s
        self._prices = prices
        self._tokenizer = tokenizer

    async def replay(self, question: Question) -> tuple[Outcome, Seconds]:
        """What comes of a question, and how long that took."""
        plan = plan_for(self._variant, question.plan, question.query, self._control)
        if plan is None:
            told = f"the route {self._variant.route} cannot be used"
            return self._unreplayed(question, Error(type="internal", message=told)), {}
        try:
            return await self._replayed(question, plan)
        except ValueTooLong as error:
            return self._answered_with(question, plan, "invalid_query", str(error)), {}
        except TooLittle as error:
            return self._answered_with(question, plan, "quota_exceeded", str(error)), {}
        except Failed as failed:
            why = failed.error
            if failed.answered:
                return self._answered_with(question, plan, why.type, why.message), {}
            return self._unreplayed(question, why), {}

    async def _replayed(self, question: Question, plan: Plan) -> tuple[Outcome, Seconds]:
        prompt = prompt_of(self._variant, plan, self._control)
        if prompt is None:
            told = f"the prompt {plan.prompt} is not in control any more"
            raise Failed(Error(type="internal", message=told))
        lane = self._lanes(question.plan.index_version, plan.index_version)
        if question.at < lane.whole_from:
            told = f"documents has no longer what it held before {format_time(lane.whole_from)}"
            raise Failed(Error(type="as_of_beyond_horizon", message=told))
        reader = Witness(await self._readers(plan.model))
        answerer = Answerer(
            spec=lane.spec,
            index=lane.index,
            embedder=lane.embedder,
            statistics=lane.statistics,
            clock=self._clock,
            tokenizer=self._tokenizer,
        )
        retrieved: list[Retrieved] = []
        response = await answerer.answer(
            question.query,
            Means(plan=plan, prompt=prompt, reader=reader),
            _point(question, lane),
            timeout_s=self._timeout_s,
            emit=to_nobody,
            tokens=_tokens(question, plan),
            retrieved=retrieved,
        )
        seconds = {step: taken / 1000 for step, taken in response.timings_ms.items()}
        response = replace(response, timings_ms={}, route=label(plan))
        began = self._clock()
        evaluation = await _evaluation(question, response, lane)
        if evaluation is not None:
            seconds["judge"] = (self._clock() - began) / 1e6
        outcome = Outcome(
            **_asked(self._variant, question),
            as_of=question.at,
            response=response,
            passages=list(map(_found, retrieved)),
            prompt_sha256=None if reader.prompt is None else prompt_sha256(reader.prompt),
            nanousd=self._cost(plan, response),
            evaluation=evaluation,
        )
        return outcome, seconds

    def _cost(self, plan: Plan, response: Response) -> int | None:
        price = price_of(self._prices, plan.model)
        used = response.usage
        return None if price is None else cost(price, used.input_tokens, used.output_tokens)

    def _answered_with(
        self, question: Question, plan: Plan, error_type: ErrorType, message: str
    ) -> Outcome:
        """Of a question that the live worker would have answered with an error."""
        query = question.query
        status: Status = "quota_exceeded" if error_type == "quota_exceeded" else "failed"
        response = without_answer(query.query_id, query.tenant, error_type, message, status=status)
        return Outcome(
            **_asked(self._variant, question),
            as_of=question.at,
            response=replace(response, route=label(plan)),
            passages=[],
        )

    def _unreplayed(self, question: Question, error: Error) -> Outcome:
        query = question.query
        return Outcome(
            **_asked(self._variant, question),
            as_of=None,
            response=without_answer(query.query_id, query.tenant, error.type, error.message),
            passages=[],
            unreplayed=error,
        )


def _asked(variant: Variant, question: Question) -> dict[str, Any]:
    return {
        "variant": variant.name,
        "query_id": question.query.query_id,
        "tenant": question.query.tenant,
        "question": question.query.text,
        "asked_at": question.asked_at,
    }


def _found(one: Retrieved) -> FoundPassage:
    start, end = one.document.layout[one.passage.passage_id]
    return FoundPassage(
        name=one.name,
        doc_id=one.passage.doc_id,
        start=start,
        end=end,
        score=one.rank.score,
        text=one.passage.text,
    )


def _tokens(question: Question, plan: Plan) -> int:
    """What was set aside binds whoever answers as it was planned; for other plans nothing was."""
    bound = question.tokens if plan == question.plan else None
    return WITHOUT_BOUND if bound is None else bound


def _point(question: Question, lane: Lane) -> ReadPoint:
    return ReadPoint(
        at=question.at,
        applied=question.applied or lane.applied.at(question.at),
        staleness_ms=question.staleness_ms,
    )


async def _evaluation(question: Question, response: Response, lane: Lane) -> Evaluation | None:
    if lane.evaluator is None:
        return None
    answered = Answered(response=response, question=question.query.text, at=question.asked_at)
    try:
        found = await lane.evaluator.evaluate(answered)
    except Failed as failed:
        found = lane.evaluator.without_judge(answered, failed.error.message)
    return replace(found, at=question.asked_at, duration_ms=0.0)
