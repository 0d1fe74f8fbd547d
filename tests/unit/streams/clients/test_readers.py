"""Models by the names that routes give them, and by what they call themselves."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from models.reading.answer import VERSION
from streams.clients import readers
from streams.clients.errors import ModelUnavailable
from streams.clients.readers import TritonReaders
from streams.config import ROOT
from tests.doubles.triton import FakeTriton, fake_triton


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeTriton]:
    async with fake_triton() as served:
        yield served


@pytest_asyncio.fixture
async def served(fake: FakeTriton) -> AsyncIterator[TritonReaders]:
    made = TritonReaders(fake.url, timeout_s=0.5)
    yield made
    await made.close()


async def test_a_model_is_called_what_it_calls_itself(
    fake: FakeTriton, served: TritonReaders
) -> None:
    """Not what the route calls it; by the route's name where it says nothing."""
    fake.served = {"reader": "extractive@2"}
    found = [(await served.get(model)).version for model in ("reader@1", "llm@3")]
    assert found == ["extractive@2", "llm@3"]


async def test_a_question_is_read_by_the_version_that_its_plan_names(
    fake: FakeTriton, served: TritonReaders
) -> None:
    """Two versions of one model may be loaded beside each other."""
    for model in ("reader@1", "reader@2"):
        reader = await served.get(model)
        async for _ in reader.generate("?", max_tokens=1, timeout_s=5.0):
            pass
    assert fake.read_by == [("reader", "1"), ("reader", "2")]


async def test_many_questions_at_once_ask_once(fake: FakeTriton, served: TritonReaders) -> None:
    """It costs the first of them a call, the others nothing."""
    await asyncio.gather(*(served.get("reader@1") for _ in range(20)))
    assert fake.looked == 1


async def test_another_model_under_the_same_name_is_noticed(
    fake: FakeTriton, served: TritonReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, and without anybody having to wait."""
    monkeypatch.setattr(readers, "LOOK_AGAIN_S", -1.0)
    fake.served = {"reader": "extractive@2"}
    reader = await served.get("reader@1")
    fake.served = {"reader": "extractive@3"}
    while reader.version != "extractive@3":
        await served.get("reader@1")
        await asyncio.sleep(0.01)


async def test_a_server_that_is_away_is_waited_for_and_given_up(
    fake: FakeTriton, served: TritonReaders
) -> None:
    """The next question asks anew."""
    fake.failures = [grpc.StatusCode.UNAVAILABLE]
    assert (await served.get("reader@1")).version == "reader@1"
    fake.failures = [grpc.StatusCode.NOT_FOUND] * 1000
    with pytest.raises(ModelUnavailable):
        await served.get("none@1")
    fake.failures = []
    await served.get("none@1")


def test_the_reader_that_comes_with_this_calls_itself_by_its_version() -> None:
    """In its configuration, where Triton tells it from."""
    config = ROOT / "models" / "repository" / "reader" / "config.pbtxt"
    assert f'"freshet_version" value {{ string_value: "{VERSION}" }}' in config.read_text()
