"""Past answers given again, and compared with what was given."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from processors.allowance import TooLittle
from processors.answer import Answerer, weighed
from processors.index import Access
from processors.ports import Embedder, Reader
from processors.prompt import ValueTooLong
from processors.replay.again import Again, Known, answer_again
from processors.replay.reproduction import (
    Circumstances,
    Difference,
    Reproduction,
    compare,
    verdict_of,
)
from processors.replay.standins import KnownVectors, Unasked, prompt_sha256
from processors.search import search
from processors.version import IndexSpec
from schemas.responses import Receipt
from streams.clients.errors import ModelError
from streams.clients.kafka import MissingTopic
from streams.replay.answered import Answered
from streams.replay.folds import ChangesGone, Say
from streams.replay.means import (
    Gone,
    Means,
    embedder_of,
    known_of,
    query_of,
    receipt_of,
    spec_in,
)
from streams.replay.states import States

_AT_ONCE = 64
"""Answers whose searches are made together."""
_TOLD = 10 * _AT_ONCE
_EVERYTHING = 10_000


class Reproduced(NamedTuple):
    """What came of one answer, and the answer itself where there is one again."""

    reproduction: Reproduction
    again: Again | None


async def reproduce(
    answers: Sequence[Answered], means: Means, say: Say = lambda _: None
) -> list[Reproduced]:
    """Give answers again; what came of each, in their order.

    Raises:
        ModelError: the embedder does not answer.
        IndexFault: the index does not, where it is Milvus.
    """
    found: dict[str, Reproduced] = {}
    by_version: defaultdict[str, list[Answered]] = defaultdict(list)
    for one in answers:
        if one.response.receipt is None:
            found[one.response.query_id] = _explained(one, _nothing_retrieved(one))
        else:
            by_version[one.response.receipt.index_version].append(one)
    for version, some in sorted(by_version.items()):
        for result in await _version(version, some, means, say):
            found[result.reproduction.query_id] = result
    return [found[one.response.query_id] for one in answers]


async def _version(
    name: str, answers: Sequence[Answered], means: Means, say: Say
) -> list[Reproduced]:
    """Those that one index version gave."""
    latest = max(receipt_of(one).as_of for one in answers)
    try:
        spec = spec_in(means.control, name)
        embedder = embedder_of(spec, means)
        say(f"reading the index version {name} as far as {latest}")
        async with means.opened(spec, latest) as states:
            texts = sorted({query.text for one in answers if (query := query_of(one)) is not None})
            say(f"embedding {len(texts)} questions")
            vectors = await embedder.embed(texts) if texts else ()
            known = KnownVectors(embedder.version, dict(zip(texts, vectors, strict=True)))
            say(f"answering {len(answers)} again")
            return await _Version(spec, states, known, means).all(answers, say)
    except MissingTopic as error:
        gone = Gone("index", "index_version_gone", str(error))
    except ChangesGone as error:
        gone = Gone("index", "changes_gone", str(error))
    except Gone as error:
        gone = error
    return [_explained(one, gone.difference) for one in answers]


class _Version:
    """Answers of one index version."""

    def __init__(self, spec: IndexSpec, states: States, embedder: Embedder, means: Means) -> None:
        self._spec = spec
        self._states = states
        self._embedder = embedder
        self._means = means
        self._slots = asyncio.Semaphore(means.in_flight if means.reader else _AT_ONCE)

    async def all(self, answers: Sequence[Answered], say: Say) -> list[Reproduced]:
        found: list[Reproduced] = []
        for start in range(0, len(answers), _AT_ONCE):
            some = answers[start : start + _AT_ONCE]
            found += await asyncio.gather(*map(self._one, some))
            if len(found) % _TOLD == 0:
                say(f"{len(found)} of {len(answers)}")
        return found

    async def _one(self, answered: Answered) -> Reproduced:
        try:
            known = known_of(answered, self._means)
        except Gone as gone:
            return _explained(answered, gone.difference)
        async with self._slots:
            reader, missing = await self._reader(known, receipt_of(answered))
            try:
                again = await self._again(known, receipt_of(answered), reader)
            except (TooLittle, ValueTooLong, ModelError) as error:
                return _refused(answered, error)
        how = await self._circumstances(answered, known, again, reader)
        differences = [*missing, *compare(answered.response, again, how)]
        return Reproduced(_told(answered, again, how, differences), again)

    async def _reader(self, known: Known, receipt: Receipt) -> tuple[Reader, list[Difference]]:
        """The model, and what is to be said where it cannot be asked."""
        if self._means.reader is None:
            return Unasked(receipt.model), []
        try:
            return await self._means.reader(known.plan.model), []
        except ModelError as error:
            message = f"{receipt.model} cannot be asked as {known.plan.model}: {error}"
            gone = Difference(what="model", why="model_gone", message=message)
            return Unasked(receipt.model), [gone]

    async def _again(self, known: Known, receipt: Receipt, reader: Reader) -> Again:
        answerer = Answerer(
            spec=self._spec,
            index=self._states.index,
            embedder=self._embedder,
            statistics=self._states.weights(receipt),
            tokenizer=self._means.tokenizer,
            clock=self._means.clock,
        )
        return await answer_again(
            answerer,
            known,
            receipt,
            self._states.applied(receipt),
            reader,
            timeout_s=self._means.timeout_s,
        )

    async def _circumstances(
        self, answered: Answered, known: Known, again: Again, reader: Reader
    ) -> Circumstances:
        before, now = receipt_of(answered), again.response.receipt
        temperature = known.prompt.parameters.get("temperature", 0)
        how = Circumstances(
            is_plan_known=known.tokens is not None,
            asked_model=not isinstance(reader, Unasked),
            samples=isinstance(temperature, int | float) and temperature > 0,
        )
        if now is None or before.passages == now.passages:
            return how
        return replace(how, scores=await self._scores(known, before))

    async def _scores(self, known: Known, receipt: Receipt) -> dict[str, float]:
        """What every passage that is found scores, by name."""
        query, plan = known.query, known.plan
        vectors = await self._embedder.embed([query.text])
        found = await search(
            self._states.index,
            weighed(self._spec, plan),
            vector=vectors[0],
            weights=receipt.lexical,
            at=receipt.as_of,
            access=Access(tenant=query.tenant, groups=plan.groups, filters=query.filters or {}),
            top_k=_EVERYTHING,
        )
        return {one.name: one.rank.score for one in found}


def _nothing_retrieved(answered: Answered) -> Difference:
    response = answered.response
    told = "" if response.error is None else f": {response.error.message}"
    message = f"the question was {response.status}{told}; nothing was retrieved for it"
    return Difference(what="question", why="no_retrieval", message=message)


def _explained(answered: Answered, difference: Difference) -> Reproduced:
    return Reproduced(_told(answered, None, None, [difference]), None)


def _refused(answered: Answered, error: Exception) -> Reproduced:
    """What was answered then is refused now: that should never be."""
    difference = Difference(what="input", message=str(error))
    return Reproduced(_told(answered, None, None, [difference]), None)


def _told(
    answered: Answered,
    again: Again | None,
    how: Circumstances | None,
    differences: list[Difference],
) -> Reproduction:
    before = answered.response.receipt
    now = None if again is None else again.response.receipt
    prompt = None if again is None else again.prompt
    return Reproduction(
        query_id=answered.response.query_id,
        verdict=verdict_of(differences),
        differences=differences,
        index_version=None if before is None else before.index_version,
        as_of=None if before is None else before.as_of,
        passages=[] if now is None else now.passages,
        prompt_sha256=None if prompt is None else prompt_sha256(prompt),
        asked_model=how is not None and how.asked_model,
        plan_from="receipt" if answered.admitted is None else "queries.admitted",
    )
