"""A question answered: retrieval, prompt, model, citations, receipt.

The same object serves the live worker, a replay and a test: index, embedder and reader come in
through their ports, and so does the clock that the timings are taken by.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing

from msgspec import Struct
from msgspec.structs import replace

from processors.allowance import Spent, fitted
from processors.cite import CitedPassage, cite
from processors.index import Access
from processors.ports import Embedder, Generation, IndexReader, Reader, TermWeights
from processors.prompt import UNANSWERABLE, PromptPassage, fitting, render, values_of
from processors.routes import label
from processors.search import Retrieved, search
from processors.tokens import WORDS, Tokenizer
from processors.version import IndexSpec
from schemas.control import PromptVersion
from schemas.queries import Plan, Query
from schemas.responses import Error, ErrorType, Finish, Receipt, Response, Status, Usage

FINISHED: Finish = "stop"
WITHOUT_BOUND = 2**62
"""Tokens: for what is not charged to anybody."""

Emit = Callable[[str], Awaitable[None]]
"""Takes the next piece of an answer while it is written."""


async def to_nobody(text: str) -> None:
    """An `Emit` for answers that nobody reads along."""


class ReadPoint(Struct, frozen=True, kw_only=True):
    """The index time that a question is read at, and what the index had applied by then."""

    at: int
    applied: Mapping[str, int]
    staleness_ms: float


class Means(Struct, frozen=True, kw_only=True):
    """What a plan names, at hand."""

    plan: Plan
    prompt: PromptVersion
    reader: Reader


class Answerer:
    """Answers from one index version, many questions at once; it keeps no state of its own."""

    def __init__(
        self,
        *,
        spec: IndexSpec,
        index: IndexReader,
        embedder: Embedder,
        statistics: TermWeights,
        clock: Callable[[], int],
        tokenizer: Tokenizer = WORDS,
    ) -> None:
        self._spec = spec
        self._index = index
        self._embedder = embedder
        self._statistics = statistics
        self._tokenizer = tokenizer
        self._clock = clock

    async def answer(
        self,
        query: Query,
        means: Means,
        point: ReadPoint,
        *,
        timeout_s: float,
        emit: Emit,
        tokens: int = WITHOUT_BOUND,
        spent: Spent | None = None,
        retrieved: list[Retrieved] | None = None,
    ) -> Response:
        """Answer `query` by `means` as of `point`, giving `emit` the pieces as they come.

        It takes no more than `tokens` in and out, and what it takes stands in `spent` at any time.
        The passages that the prompt had are added to `retrieved`, best first.

        Raises:
            TooLittle: with so few nothing can be answered.
            ValueTooLong: the question brings a value that is longer than its prompt takes.
        """
        spent = Spent() if spent is None else spent
        timings = _Timings(self._clock)
        matrix = await self._embedder.embed([query.text])
        timings.mark("embed")
        access = Access(tenant=query.tenant, groups=means.plan.groups, filters=query.filters or {})
        weights = self._statistics.weights(query.text, point.at, access)
        found = await search(
            self._index,
            weighed(self._spec, means.plan),
            vector=matrix[0],
            weights=weights,
            at=point.at,
            access=access,
            top_k=means.plan.top_k or query.top_k,
        )
        timings.mark("search")
        found = found[: fitting(means.prompt, _passages(found))]
        text, finish = "", FINISHED
        if found:
            asked = fitted(
                means.prompt,
                values_of(query, point.at),
                _passages(found),
                self._tokenizer,
                tokens=tokens,
                max_tokens=query.max_tokens,
            )
            found = found[: asked.passages]
            pieces = means.reader.generate(
                asked.prompt,
                max_tokens=asked.max_tokens,
                timeout_s=timeout_s,
                sampling=means.prompt.parameters,
            )
            text = await self._read(pieces, emit, timings, spent, asked.input_tokens)
            finish = pieces.finish
        timings.mark("generate")
        if retrieved is not None:
            retrieved.extend(found)
        answered = bool(text) and text != UNANSWERABLE
        return Response(
            query_id=query.query_id,
            tenant=query.tenant,
            status="answered" if answered else "unanswerable",
            answer=text if answered else "",
            citations=cite(text, _cited(found)) if answered else [],
            usage=spent.usage,
            receipt=self._receipt(means, point, weights, found),
            timings_ms=timings.taken,
            finish=finish,
        )

    async def _read(
        self,
        pieces: Generation,
        emit: Emit,
        timings: "_Timings",
        spent: Spent,
        input_tokens: int,
    ) -> str:
        text = held = ""
        try:
            async with aclosing(pieces) as stream:
                async for piece in stream:
                    text += piece
                    held += piece
                    # Nobody is shown the first half of the word that stands for "no answer".
                    if not UNANSWERABLE.startswith(text.strip()):
                        if text == held:
                            timings.mark("first_piece")
                        await emit(held)
                        held = ""
        finally:
            spent.usage = Usage(
                input_tokens=pieces.input_tokens, output_tokens=pieces.output_tokens
            )
            spent.counted = Usage(
                input_tokens=input_tokens, output_tokens=self._tokenizer.count(text)
            )
        if held.strip() and text.strip() != UNANSWERABLE:
            await emit(held)
        return text.strip()

    def _receipt(
        self,
        means: Means,
        point: ReadPoint,
        weights: Mapping[str, float],
        found: Sequence[Retrieved],
    ) -> Receipt:
        return Receipt(
            index_version=self._spec.name,
            as_of=point.at,
            applied=dict(point.applied),
            staleness_ms=point.staleness_ms,
            prompt=means.plan.prompt,
            model=means.reader.version,
            embedder=self._embedder.version,
            route=label(means.plan),
            lexical=dict(weights),
            passages=[one.name for one in found],
            groups=means.plan.groups,
            dense_weight=means.plan.dense_weight,
        )


def weighed(spec: IndexSpec, plan: Plan) -> IndexSpec:
    """How passages are ranked: as the index version has it, or as the plan does."""
    if plan.dense_weight is None:
        return spec
    fusion = replace(
        spec.fusion, dense_weight=plan.dense_weight, lexical_weight=1 - plan.dense_weight
    )
    return replace(spec, fusion=fusion)


def prompt_for(prompt: PromptVersion, values: Mapping[str, str], found: Sequence[Retrieved]) -> str:
    """The prompt for a question, which gives `values`, over what was found, in that order.

    Raises:
        ValueTooLong: a value is longer than the prompt takes.
    """
    return render(prompt, values, _passages(found))


def without_answer(
    query_id: str,
    tenant: str,
    error_type: ErrorType,
    message: str,
    *,
    status: Status = "failed",
    retry_after_s: float | None = None,
) -> Response:
    """The final response of a question that gets no answer."""
    return Response(
        query_id=query_id,
        tenant=tenant,
        status=status,
        answer="",
        citations=[],
        usage=Usage(),
        receipt=None,
        timings_ms={},
        error=Error(type=error_type, message=message, retry_after_s=retry_after_s),
    )


def refused_by(query: Query, error: Error) -> Response:
    """The final response of a question that did not fit a bound."""
    response = without_answer(query.query_id, query.tenant, error.type, error.message)
    return replace(response, status="quota_exceeded", error=error)


def _passages(found: Sequence[Retrieved]) -> list[PromptPassage]:
    return [
        PromptPassage(number, one.document.title, " > ".join(one.passage.heading), one.passage.text)
        for number, one in enumerate(found, start=1)
    ]


def _cited(found: Sequence[Retrieved]) -> list[CitedPassage]:
    return [
        CitedPassage(
            number=number,
            doc_id=one.passage.doc_id,
            passage_id=one.passage.passage_id,
            start=one.start,
            text=one.passage.text,
            units=[(start, end) for _, start, end in one.passage.units],
        )
        for number, one in enumerate(found, start=1)
    ]


class _Timings:
    """Milliseconds since the step before."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._last = clock()
        self.taken: dict[str, float] = {}

    def mark(self, step: str) -> None:
        now = self._clock()
        self.taken[step] = (now - self._last) / 1000
        self._last = now
