"""The client of the models: order, requests, retries, deadlines and cancellation."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from processors.version import IndexSpec
from streams.clients.errors import ModelDeadline, ModelRejected, ModelUnavailable
from streams.clients.triton import MAX_TEXTS, TritonEmbedder, TritonHealth, TritonReader, chunks
from streams.config import Triton
from streams.errors import ConfigError
from tests.doubles.triton import FakeTriton, fake_triton

UNAVAILABLE, INVALID = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT
PROMPT = "Question: who?\n\nAnswer:"


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeTriton]:
    async with fake_triton() as served:
        yield served


async def read(reader: TritonReader, timeout_s: float = 5.0) -> list[str]:
    return [piece async for piece in reader.generate(PROMPT, max_tokens=9, timeout_s=timeout_s)]


@given(st.lists(st.integers(0, 9000), max_size=300))
def test_every_text_travels_once_in_requests_within_bounds(tokens: list[int]):
    """No request is over 32 texts, and none is over the token budget but that of one long text."""
    made = chunks(tokens)
    assert sorted(at for chunk in made for at in chunk) == list(range(len(tokens)))
    assert all(0 < len(chunk) <= MAX_TEXTS for chunk in made)
    assert all(len(chunk) == 1 or sum(tokens[at] for at in chunk) <= 2048 for chunk in made)


async def test_vectors_come_in_the_order_of_the_texts(fake: FakeTriton):
    """However they were split into requests."""
    texts = ["x" * (1 + at * 37 % 200) for at in range(150)]
    vectors = await TritonEmbedder(fake.url).embed(texts)
    assert vectors[:, 0].tolist() == [len(text) for text in texts]
    assert len(fake.requests) > 1


async def test_no_texts_make_no_request(fake: FakeTriton):
    """An empty batch costs nothing."""
    assert (await TritonEmbedder(fake.url).embed([])).shape == (0, 384)
    assert fake.requests == []


async def test_an_embedder_of_other_dimensions_is_no_good_for_an_index(fake: FakeTriton):
    """It says how many it has, and is refused where others are asked for."""
    assert await TritonEmbedder(fake.url, dimensions=768).dimensions() == 384
    with pytest.raises(ModelRejected, match="384 dimensions"):
        await TritonEmbedder(fake.url, dimensions=768).embed(["a text"])


def test_an_index_version_has_the_model_that_serves_its_embedder():
    """One that no setting names is told with those that there are."""
    settings = Triton(embedders={"large@2": "large"})
    assert TritonEmbedder.of(settings, IndexSpec(embedder="large@2")).version == "large@2"
    with pytest.raises(ConfigError, match="large@2"):
        TritonEmbedder.of(settings, IndexSpec())


async def test_questions_go_before_bulk_loads(fake: FakeTriton):
    """Urgent requests have the higher priority: the lower number."""
    await TritonEmbedder(fake.url, urgent=True).embed(["a question"])
    await TritonEmbedder(fake.url).embed(["a document"])
    assert fake.priorities == [1, 2]


async def test_an_unavailable_embedder_is_asked_again(fake: FakeTriton):
    """A server that restarts costs time, not the batch."""
    fake.failures = [UNAVAILABLE, grpc.StatusCode.INTERNAL]
    assert (await TritonEmbedder(fake.url).embed(["a text"]))[0, 0] == 6
    assert fake.failures == []


async def test_a_rejected_text_is_not_sent_again(fake: FakeTriton):
    """It would be rejected every time."""
    fake.failures = [INVALID, INVALID]
    with pytest.raises(ModelRejected):
        await TritonEmbedder(fake.url).embed(["a text"])
    assert fake.failures == [INVALID]


async def test_a_lone_surrogate_is_rejected_before_it_is_sent(fake: FakeTriton):
    """UTF-8 cannot carry it."""
    with pytest.raises(ModelRejected, match="surrogates"):
        await TritonEmbedder(fake.url).embed(["fine", "\ud800"])
    assert fake.requests == []


async def test_no_server_is_unavailable_at_the_deadline():
    """Not a deadline error: nobody was slow, nobody was there."""
    embedder = TritonEmbedder("127.0.0.1:1", timeout_s=0.3)
    with pytest.raises(ModelUnavailable):
        await embedder.embed(["a text"])


async def test_pieces_come_as_they_are_made(fake: FakeTriton):
    """In order, and none are lost."""
    assert await read(TritonReader(fake.url)) == fake.words


async def test_a_question_brings_its_parameters(fake: FakeTriton):
    """Over the usual ones; how long the answer may be is nobody's but its own."""
    reader = TritonReader(fake.url)
    for sampling in ({}, {"temperature": 0.5, "top_p": 0.9, "max_tokens": 4000}):
        pieces = reader.generate(PROMPT, max_tokens=9, timeout_s=5.0, sampling=sampling)
        assert [piece async for piece in pieces] == fake.words
    assert fake.sampling == [
        {"temperature": 0.0, "max_tokens": 9},
        {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9},
    ]


async def test_a_reader_is_tried_again_before_its_first_piece(fake: FakeTriton):
    """Nothing was shown yet, so nothing is shown twice."""
    fake.failures = [UNAVAILABLE]
    assert await read(TritonReader(fake.url)) == fake.words


async def test_closing_the_iterator_cancels_in_the_server(fake: FakeTriton):
    """A client that hangs up stops its generation."""
    fake.pause_s = 30.0
    pieces = TritonReader(fake.url).generate(PROMPT, max_tokens=9, timeout_s=60.0)
    assert await anext(pieces) == "one"
    await pieces.aclose()
    await asyncio.wait_for(fake.cancelled.wait(), 10.0)
    assert fake.given == 1


async def test_cancelling_the_task_cancels_in_the_server(fake: FakeTriton):
    """Whoever stops waiting need not remember to close."""
    fake.pause_s = 30.0
    task = asyncio.create_task(read(TritonReader(fake.url), timeout_s=60.0))
    await asyncio.wait_for(fake.began.wait(), 10.0)
    task.cancel()
    await asyncio.wait_for(fake.cancelled.wait(), 10.0)
    assert fake.given == 1


async def test_a_slow_reader_ends_at_its_deadline(fake: FakeTriton):
    """And is cancelled in the server."""
    fake.pause_s = 30.0
    with pytest.raises(ModelDeadline):
        await read(TritonReader(fake.url), timeout_s=0.3)
    await asyncio.wait_for(fake.cancelled.wait(), 10.0)


async def test_health_asks_the_models_to_work(fake: FakeTriton):
    """A server whose models fail is not ready, whatever it says of itself."""
    health = TritonHealth(fake.url)
    assert await health.ready()
    fake.failures = [UNAVAILABLE] * 1000
    assert not await health.ready(timeout_s=0.3)
