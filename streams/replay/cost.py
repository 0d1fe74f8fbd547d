"""What a run would cost, before it is begun."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from processors.control import Control
from processors.ledger.money import cost, price_of
from processors.replay.question import Question
from processors.replay.variant import Variant, plan_for
from schemas.responses import Usage
from streams.clients.kafka import MissingTopic
from streams.replay.folds import ChangesGone
from streams.replay.gather import questions
from streams.replay.histories import History
from streams.replay.indexes import Counting, rebuilt, remember
from streams.replay.prepare import Chosen, Means, choose, lanes, same_vectors
from streams.replay.runplan import LanePlan, Request
from streams.replay.gather import Wanted
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
