"""What a run would cost, before it is begun."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from processors.control import Control
from processors.embedding import embed_key
from processors.ledger.money import cost, price_of
from processors.replay.question import Question
from processors.replay.variant import Variant, plan_for
from schemas.responses import Usage
from streams.clients.kafka import MissingTopic
from streams.replay.folds import ChangesGone
from streams.replay.gather import Wanted, questions
from streams.replay.histories import History
from streams.replay.indexes import Counting, rebuilt, remember
from streams.replay.prepare import (
    Chosen,
    Means,
    choose,
    lanes,
    partitions_of_documents,
    same_vectors,
)
from streams.replay.runplan import LanePlan, Request
from streams.replay.vectors import VectorStore


class VariantCost(Struct, kw_only=True):
    """What one variant takes."""

    variant: str
    indexes: list[str] = []
    """Those that are to be made."""
    units_to_embed: int = 0
    """What no run and no index version has embedded yet."""
    tokens_to_embed: int = 0
    """About."""
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    """Of these calls: as many as the answers took at the time, on average where that is unknown."""
    usd: float | None = None
    """None where nobody says what a model costs."""


class Cost(Struct, kw_only=True):
    """What a run takes."""

    questions: int
    questions_to_embed: int
    variants: list[VariantCost]


async def cost_of(means: Means, request: Request, wanted: Wanted) -> Cost:
    """Gather the questions and cut the documents as the run would, embedding nothing.

    Raises what `prepare` raises, but for models that do not answer.
    """
    with tempfile.TemporaryDirectory(prefix="freshet-replay-") as folder:
        chosen = await choose(means, request, wanted, Path(folder) / "questions")
        noted = VectorStore(Path(folder) / "noted.sqlite")
        try:
            counter = _Counter(means, chosen, noted, Path(folder))
            found = [
                await counter.variant(variant, number, answers=request.answers)
                for number, variant in enumerate(request.variants)
            ]
            return Cost(
                questions=chosen.gathered.questions,
                questions_to_embed=await counter.questions(request.variants),
                variants=found,
            )
        finally:
            noted.close()


class _Counter:
    """Counts variant by variant: what one has to embed, the next need not."""

    def __init__(self, means: Means, chosen: Chosen, noted: VectorStore, folder: Path) -> None:
        self._means = means
        self._chosen = chosen
        self._noted = noted
        self._folder = folder
        self._made: set[str] = set()
        self._known: set[str] = set()

    async def variant(self, variant: Variant, number: int, *, answers: bool) -> VariantCost:
        found = VariantCost(variant=variant.name)
        for lane in lanes(variant, self._chosen.asks[number], self._control):
            if lane.rebuilt and lane.file not in self._made:
                self._made.add(lane.file)
                await self._index(lane, found)
        if answers:
            self._answers(variant, found)
        return found

    async def questions(self, variants: list[Variant]) -> int:
        """How many different questions no run has embedded yet."""
        there: set[str] = set()
        for number, variant in enumerate(variants):
            asks = self._chosen.asks[number]
            for name in {lane.spec.embedder for lane in lanes(variant, asks, self._control)}:
                there |= {embed_key(one.query.text, name) for one in self._questions()}
        return len(there - self._means.store.known(there))

    async def _index(self, lane: LanePlan, found: VariantCost) -> None:
        means, until = self._means, self._chosen.gathered.newest
        history = History(means.source, lane.was, until)
        counting = Counting(lane.spec.embedder, lane.spec.dimensions, [means.store, self._noted])
        try:
            await history.check()
            await self._note(lane.spec.embedder, counting, until)
            await rebuilt(
                history,
                lane.spec,
                self._folder / lane.file,
                known=counting,
                embedder=counting,
                partitions=await partitions_of_documents(means),
            )
        except (MissingTopic, ChangesGone) as error:
            means.say(f"{lane.was}: {error}")
            return
        found.indexes.append(lane.spec.name)
        found.units_to_embed += counting.units
        found.tokens_to_embed += counting.tokens

    async def _note(self, embedder: str, counting: Counting, until: int) -> None:
        """The vectors that the log has."""
        if embedder not in self._known:
            self._known.add(embedder)
            await remember(
                self._means.source, same_vectors(self._control, embedder), until, counting
            )

    def _answers(self, variant: Variant, found: VariantCost) -> None:
        usual = _mean([one.usage for one in self._questions() if one.usage is not None])
        nanousd: int | None = 0
        for question in self._questions():
            plan = plan_for(variant, question.plan, question.query, self._control)
            if plan is None:
                continue
            took = question.usage or usual
            price = price_of(self._means.settings.prices, plan.model)
            found.model_calls += 1
            found.input_tokens += took.input_tokens
            found.output_tokens += took.output_tokens
            known = nanousd is not None and price is not None
            nanousd = (nanousd or 0) + cost(price, *_both(took)) if known else None
        found.usd = None if nanousd is None else nanousd / 1e9

    def _questions(self) -> Iterator[Question]:
        for part in sorted(map(int, self._chosen.gathered.parts)):
            yield from questions(self._folder / "questions", part)

    @property
    def _control(self) -> Control:
        return self._chosen.history.now


def _mean(used: list[Usage]) -> Usage:
    count = max(len(used), 1)
    return Usage(
        input_tokens=round(sum(one.input_tokens for one in used) / count),
        output_tokens=round(sum(one.output_tokens for one in used) / count),
    )


def _both(usage: Usage) -> tuple[int, int]:
    return usage.input_tokens, usage.output_tokens
