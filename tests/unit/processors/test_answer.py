"""An answer: what is streamed, what is cited, what the receipt says."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.allowance import Spent
from processors.answer import WITHOUT_BOUND, Answerer, ReadPoint, without_answer
from processors.lexical import terms
from processors.prompt import UNANSWERABLE
from processors.statistics import Statistics
from processors.tokens import WordTokenizer
from schemas.codec import decode, encode
from schemas.index import IndexChange, Source
from schemas.queries import Query
from schemas.responses import Response
from tests.doubles.embedder import HashEmbedder
from tests.doubles.index import MemoryIndex
from tests.doubles.plans import means
from tests.doubles.reader import ScriptedReader, first_sentence
from tests.unit.processors.test_search import RIVERS, SPEC, filled

PIECES = ["", " ", "\n", "[1]", " [2]", ".", "UN", UNANSWERABLE, "The river", " rises in Bohemia"]
POINT = ReadPoint(at=3, applied={"documents/0": 3}, staleness_ms=12.5)


async def answered(
    pieces: Sequence[str] | None = None,
    index: MemoryIndex | None = None,
    tokens: int = WITHOUT_BOUND,
    **fields: object,
) -> tuple[Response, list[str], ScriptedReader]:
    """The response, what was streamed, and the reader."""
    statistics = Statistics()
    for time, (doc_id, text) in enumerate(RIVERS.items(), start=1):
        change = IndexChange(
            doc_id=doc_id,
            index_version=SPEC.name,
            index_time=time,
            source=Source(partition=0, offset=time),
            status="indexed",
            df=dict.fromkeys(terms(text), 1),
            passages_delta=1,
        )
        statistics.observe([change])
    reader = ScriptedReader(first_sentence if pieces is None else lambda _: list(pieces))
    streamed: list[str] = []

    async def emit(piece: str) -> None:
        streamed.append(piece)

    answerer = Answerer(
        spec=SPEC,
        index=index or await filled(),
        embedder=HashEmbedder(),
        statistics=statistics,
        clock=iter(range(0, 10**9, 1000)).__next__,
    )
    query = Query(
        query_id="q",
        tenant="acme",
        **{"text": "Which river rises in Bohemia?", **fields},  # type: ignore[arg-type]
    )
    response = await answerer.answer(
        query, means(reader), POINT, tokens=tokens, timeout_s=9.0, emit=emit
    )
    return response, streamed, reader


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(PIECES)))
def test_any_answer_is_streamed_whole_and_quoted_exactly(pieces: list[str]) -> None:
    """Or it is none, and nothing was streamed."""
    response, streamed, _ = asyncio.run(answered(pieces))
    text = "".join(pieces).strip()
    if text in ("", UNANSWERABLE):
        assert (response.status, response.answer, streamed) == ("unanswerable", "", [])
    else:
        assert (response.status, response.answer) == ("answered", text)
        assert "".join(streamed).strip() == text
    for citation in response.citations:
        assert citation.quote == RIVERS[citation.doc_id][citation.start : citation.end]


async def test_the_receipt_names_everything_that_decided_the_answer() -> None:
    """Versions, the read point, weights, and the passages in the prompt's order."""
    response, _, reader = await answered()
    receipt = response.receipt
    assert receipt is not None
    assert (receipt.as_of, receipt.applied, receipt.staleness_ms) == (3, {"documents/0": 3}, 12.5)
    assert (receipt.model, receipt.embedder) == ("scripted@1", "minilm-l6@1")
    assert receipt.index_version == SPEC.name
    assert set(receipt.lexical) == set(terms("Which river rises in Bohemia?"))
    assert len(receipt.passages) == 3
    (prompt,) = reader.prompts
    assert "<passage 3:" in prompt
    assert decode("responses", encode(response)) == response


async def test_weights_are_those_in_force_at_the_read_time() -> None:
    """A rarer term weighs more."""
    response, _, _ = await answered()
    lexical = response.receipt.lexical if response.receipt else {}
    assert lexical["river"] > lexical["bohemia"] > 0


async def test_usage_is_what_the_model_counted() -> None:
    """Also where it gave no answer."""
    for pieces in (["It", " is."], [UNANSWERABLE]):
        response, _, reader = await answered(pieces)
        assert response.usage.output_tokens == len(pieces)
        assert response.usage.input_tokens == WordTokenizer().count(reader.prompts[0])


async def test_every_step_is_timed() -> None:
    """A clock that moves a millisecond a look shows each step once."""
    response, _, _ = await answered(["It", " is."])
    assert set(response.timings_ms) == {"embed", "search", "first_piece", "generate"}
    assert all(taken > 0 for taken in response.timings_ms.values())


async def test_without_passages_no_model_is_asked() -> None:
    """There is nothing that it could read."""
    response, streamed, reader = await answered(index=MemoryIndex())
    assert (response.status, streamed, reader.prompts) == ("unanswerable", [], [])
    assert response.receipt is not None


async def test_an_error_closes_the_generation() -> None:
    """What the model has not made yet it will not make."""
    reader = ScriptedReader()

    async def refuse(_: str) -> None:
        raise RuntimeError("hung up")

    answerer = Answerer(
        spec=SPEC,
        index=await filled(),
        embedder=HashEmbedder(),
        statistics=Statistics(),
        clock=lambda: 0,
    )
    query = Query(query_id="q", tenant="acme", text="Which river?")
    spent = Spent()
    with pytest.raises(RuntimeError, match="hung up"):
        await answerer.answer(query, means(reader), POINT, spent=spent, timeout_s=9.0, emit=refuse)
    assert [generation.closed for generation in reader.generations] == [True]
    assert spent.usage.output_tokens == spent.counted.output_tokens == 1


def test_a_failure_is_a_response_without_a_receipt() -> None:
    """It travels as any other, and says when to try again."""
    response = without_answer("q", "acme", "model_unavailable", "gone", retry_after_s=2.0)
    assert response.status == "failed"
    assert response.error is not None
    assert response.error.retry_after_s == 2.0
    assert decode("responses", encode(response)) == response
