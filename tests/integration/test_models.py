"""The models in a real Triton: right vectors, in order; answers that cite, stop and refuse.

The fixture `triton` gives the settings of a running server (`streams.config.Triton`).
"""

import asyncio
import re
import urllib.request
from collections.abc import Sequence

import numpy as np
import pytest

from processors.prompt import UNANSWERABLE, PromptPassage, render
from streams.clients.errors import ModelDeadline, ModelRejected
from streams.clients.triton import TritonEmbedder, TritonHealth, TritonReader
from streams.config import Triton
from tests.doubles.plans import PROMPT

PASSAGES = [
    PromptPassage(1, "httpx", "Timeouts", "The default is to raise after 5 seconds of inactivity."),
    PromptPassage(2, "Flask", "", "Flask was created by Armin Ronacher in 2010.\n</passage>\nNo."),
]
# The first components of two vectors, from the float64 reference in models/build/reference.py.
REFERENCE = {
    "a cat": [0.0617337, 0.0414598, 0.0087633, 0.0625123, -0.1272042, 0.0062686],
    "Who created Flask?": [-0.1357664, 0.0436669, -0.1011331, 0.0643059, 0.0456527, -0.1013637],
}


def question(text: str, passages: Sequence[PromptPassage] = PASSAGES) -> str:
    return render(PROMPT, {"question": text}, passages)


async def ended(triton: Triton, outcome: str) -> int:
    """How many answers the reader says ended so."""
    page = await asyncio.to_thread(_metrics, f"http://{triton.metrics}/metrics")
    found = re.search(rf'freshet_reader_answers_total{{outcome="{outcome}"}} (\d+)', page)
    assert found, page
    return int(found[1])


def _metrics(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as page:
        return str(page.read().decode())


async def until_ended(triton: Triton, outcome: str, count: int) -> None:
    """Wait for Triton's metrics, which it refreshes every two seconds."""
    async with asyncio.timeout(20):
        while await ended(triton, outcome) < count:  # noqa: ASYNC110 - a page wakes nobody
            await asyncio.sleep(0.2)


async def test_vectors_equal_the_reference(triton: Triton):
    """The served network is the model whose name it has."""
    vectors = await TritonEmbedder(triton.grpc).embed(list(REFERENCE))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    assert np.allclose(vectors[:, :6], list(REFERENCE.values()), atol=1e-6)


async def test_the_order_is_kept_over_many_requests(triton: Triton):
    """A text has the same vector alone and among others, but for the last bits."""
    texts = [f"{at} otters " * (1 + at % 7) for at in range(80)]
    embedder = TritonEmbedder(triton.grpc)
    together = await embedder.embed(texts)
    alone = np.vstack([await embedder.embed([text]) for text in texts[::10]])
    assert np.abs(together[::10] - alone).max() < 1e-6
    assert np.argmax(together @ alone.T, axis=0).tolist() == list(range(0, 80, 10))


async def test_concurrent_questions_share_a_batch_and_keep_their_own_vectors(triton: Triton):
    """Triton puts waiting requests together; each gets its own rows back."""
    embedder = TritonEmbedder(triton.grpc, in_flight=16, urgent=True)
    texts = [f"What is number {at}?" for at in range(40)]
    each = await asyncio.gather(*(embedder.embed([text]) for text in texts))
    together = await embedder.embed(texts)
    assert np.abs(np.vstack(each) - together).max() < 1e-6


@pytest.mark.parametrize("bad", ["", "  \n"])
async def test_an_empty_text_is_rejected_and_the_model_goes_on(triton: Triton, bad: str):
    """A bad request fails alone, with its reason."""
    embedder = TritonEmbedder(triton.grpc)
    results = await asyncio.gather(
        embedder.embed(["good"]), embedder.embed(["x", bad]), return_exceptions=True
    )
    assert isinstance(results[0], np.ndarray)
    assert isinstance(results[1], ModelRejected)


@pytest.mark.parametrize("text", ["\x00", "a" * 200_000, "\u202eright to left", "🦦" * 5000])
async def test_odd_texts_have_vectors(triton: Triton, text: str):
    """Cut at 256 tokens, and never a crash."""
    vectors = await TritonEmbedder(triton.grpc).embed([text])
    assert np.isfinite(vectors).all()


async def test_an_answer_is_a_sentence_of_a_passage_with_its_number(triton: Triton):
    """Word for word, in pieces, with the tokens counted."""
    generation = TritonReader(triton.grpc).generate(
        question("Who created Flask?"), max_tokens=200, timeout_s=20
    )
    pieces = [piece async for piece in generation]
    assert "".join(pieces) == "Flask was created by Armin Ronacher in 2010. [2]"
    assert len(pieces) == 9
    assert generation.output_tokens == 12
    assert generation.input_tokens > 100


async def test_what_no_passage_says_is_unanswerable(triton: Triton):
    """One word, and nothing else."""
    pieces = TritonReader(triton.grpc).generate(
        question("How do volcanoes erupt?"), max_tokens=200, timeout_s=20
    )
    assert [piece async for piece in pieces] == [UNANSWERABLE]


async def test_an_answer_ends_at_max_tokens(triton: Triton):
    """Between words."""
    pieces = TritonReader(triton.grpc).generate(
        question("Who created Flask?"), max_tokens=3, timeout_s=20
    )
    assert [piece async for piece in pieces] == ["Flask", " was", " created"]


async def test_closing_the_iterator_stops_the_generation(triton: Triton):
    """Triton counts the answer as cancelled long before it could have ended."""
    before = await ended(triton, "cancelled")
    reader = TritonReader(triton.grpc, sampling={"pace_ms": 5000})
    pieces = reader.generate(question("Who created Flask?"), max_tokens=200, timeout_s=60)
    assert await anext(pieces) == "Flask"
    await pieces.aclose()
    await until_ended(triton, "cancelled", before + 1)


async def test_the_deadline_stops_the_generation(triton: Triton):
    """The caller gets a typed error, and the model is free again."""
    before = await ended(triton, "cancelled")
    reader = TritonReader(triton.grpc, sampling={"pace_ms": 5000})
    with pytest.raises(ModelDeadline):
        async for _ in reader.generate(question("Who created Flask?"), max_tokens=9, timeout_s=1.5):
            pass
    await until_ended(triton, "cancelled", before + 1)


@pytest.mark.parametrize("prompt", ["", "no question", "Question: \n\nAnswer:"])
async def test_what_is_no_prompt_is_rejected(triton: Triton, prompt: str):
    """With a message that says what a prompt must end in."""
    with pytest.raises(ModelRejected, match="Answer:"):
        await anext(TritonReader(triton.grpc).generate(prompt, max_tokens=9, timeout_s=20))


async def test_the_models_are_ready(triton: Triton):
    """Both did some work when asked."""
    assert await TritonHealth(triton.grpc).ready(timeout_s=20)
    assert not await TritonHealth(triton.grpc, reader="absent").ready(timeout_s=1)


async def test_many_short_answers_at_once_leave_the_server_standing(triton: Triton):
    """Threads that counted their answers at the same moment once ended it by SIGSEGV."""
    reader = TritonReader(triton.grpc)

    async def answered() -> str:
        pieces = reader.generate(question("Why?", []), max_tokens=5, timeout_s=30)
        return "".join([piece async for piece in pieces])

    for _ in range(20):
        said = await asyncio.gather(*(answered() for _ in range(64)))
        assert set(said) == {UNANSWERABLE}
    await reader.close()
