"""One past answer, given again: the live worker's processor over the past.

The model is asked through a witness that keeps what it was asked, word for word. Where nobody wants
the model's answer the witness gives none, and the rest is as if it had.
"""

from collections.abc import Mapping

from msgspec import Struct

from processors.answer import WITHOUT_BOUND, Answerer, Means, ReadPoint, to_nobody
from processors.index import Access
from processors.ports import Reader
from processors.replay.standins import Witness
from schemas.control import PromptVersion
from schemas.queries import Plan, Query
from schemas.responses import Receipt, Response


class Known(Struct, frozen=True, kw_only=True):
    """What is still known of how a question was answered."""

    query: Query
    """As it was admitted."""
    plan: Plan
    prompt: PromptVersion
    tokens: int | None
    """That were set aside for it; None where that is not known any more."""


class Again(Struct, frozen=True, kw_only=True):
    """What it came to."""

    response: Response
    prompt: str | None
    """Exactly what the model was asked; None where nothing was found to ask it about."""


class ReceiptWeights:
    """The port `TermWeights` that a receipt holds, for where the words' past is not at hand."""

    def __init__(self, receipt: Receipt) -> None:
        self._weights = receipt.lexical

    def weights(self, question: str, at: int, access: Access) -> dict[str, float]:
        """Those that were in force then, for this question."""
        return dict(self._weights)


async def answer_again(
    answerer: Answerer,
    known: Known,
    receipt: Receipt,
    applied: Mapping[str, int],
    reader: Reader,
    *,
    timeout_s: float,
) -> Again:
    """Answer a question at the index time of its receipt, by all that is known of its plan.

    Raises what `Answerer.answer` does.
    """
    witness = Witness(reader)
    response = await answerer.answer(
        known.query,
        Means(plan=known.plan, prompt=known.prompt, reader=witness),
        ReadPoint(at=receipt.as_of, applied=applied, staleness_ms=receipt.staleness_ms),
        timeout_s=timeout_s,
        emit=to_nobody,
        tokens=WITHOUT_BOUND if known.tokens is None else known.tokens,
    )
    return Again(response=response, prompt=witness.prompt)
