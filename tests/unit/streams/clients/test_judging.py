"""The client of the judge: what is asked, what is read, retries, deadlines and bad replies."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import numpy as np
import pytest
import pytest_asyncio

from models.judging.evidence import Place
from models.judging.judge import NOTHING
from models.judging.judge import Finding as Made
from models.judging.request import tensors
from processors.judge.findings import Finding, Judged
from streams.clients.errors import ModelDeadline, ModelRejected, ModelUnavailable
from streams.clients.judging import TritonJudge
from tests.doubles.triton import FakeTriton, fake_triton

UNAVAILABLE, INVALID = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT
CLAIMS, EVIDENCE, ALLOWED = ["So it is.", ""], ["x", "So it was.", "y"], [[True, True, False]] * 2


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeTriton]:
    async with fake_triton() as served:
        made = [Made(0.25, 0.5, "contradicted", Place(1, 0, 10), "is"), NOTHING]
        served.judged = tensors(made, "a-judge@1")
        yield served


async def test_a_claim_has_the_finding_that_the_server_gave(fake: FakeTriton):
    """In the order of the claims, with what judged them."""
    judged = await TritonJudge(fake.url).judge(CLAIMS, EVIDENCE, ALLOWED)
    said = Finding(0.25, 0.5, "contradicted", (1, 0, 10), "is")
    assert judged == Judged([said, Finding(0.0, 0.0, "not_in_sources", None, "")], "a-judge@1")
    assert fake.requests == [CLAIMS]
    assert fake.allowed[0].tolist() == ALLOWED


async def test_an_answer_without_sources_is_judged_too(fake: FakeTriton):
    """The tensors of no text are empty, and have two dimensions all the same."""
    fake.judged = tensors([NOTHING, NOTHING], "a-judge@1")
    await TritonJudge(fake.url).judge(CLAIMS, [], [[], []])
    assert fake.allowed[0].shape == (2, 0)


async def test_an_unavailable_judge_is_asked_again(fake: FakeTriton):
    """A server that restarts costs time, not the judgement."""
    fake.failures = [UNAVAILABLE, grpc.StatusCode.INTERNAL]
    judged = await TritonJudge(fake.url).judge(CLAIMS, EVIDENCE, ALLOWED)
    assert len(judged.findings) == 2
    assert fake.failures == []


async def test_what_the_judge_refuses_is_not_sent_again(fake: FakeTriton):
    """More than its bounds, say: it would be refused every time."""
    fake.failures = [INVALID, INVALID]
    with pytest.raises(ModelRejected):
        await TritonJudge(fake.url).judge(CLAIMS, EVIDENCE, ALLOWED)
    assert fake.failures == [INVALID]


async def test_a_lone_surrogate_is_rejected_before_it_is_sent(fake: FakeTriton):
    """UTF-8 cannot carry it."""
    with pytest.raises(ModelRejected, match="surrogates"):
        await TritonJudge(fake.url).judge(["\ud800"], ["fine"], [[True]])
    assert fake.requests == []


@pytest.mark.parametrize(
    "bad",
    [
        {"verdict": np.array([b"perhaps", b"supported"], np.object_)},
        {"fault": np.array([b"one"], np.object_)},
        {"version": np.array([b"\xff"], np.object_)},
        {"version": np.array([b"a name without a version"], np.object_)},
        {"support": np.zeros((2, 2), np.int32)},
    ],
    ids=lambda bad: next(iter(bad)),
)
async def test_a_reply_that_makes_no_sense_is_no_finding(
    fake: FakeTriton, bad: dict[str, np.ndarray]
):
    """Another judge may be badly made; what it says is looked at."""
    fake.judged |= bad
    with pytest.raises(ModelUnavailable, match="makes no sense"):
        await TritonJudge(fake.url).judge(CLAIMS, EVIDENCE, ALLOWED)


@pytest.mark.parametrize(
    "bad",
    [
        {"supported": np.array([np.nan, 0.0], np.float32)},
        {"supported": np.array([0.5, 1.5], np.float32)},
        {"contradicted": np.array([-0.5, 0.0], np.float32)},
        {"support": np.array([[3, 0, 10], [-1, 0, 0]], np.int32)},
        {"support": np.array([[1, 10, 9], [-1, 0, 0]], np.int32)},
    ],
    ids=["no number", "above one", "below zero", "no such text", "ends before it begins"],
)
async def test_a_finding_that_cannot_be_is_none(fake: FakeTriton, bad: dict[str, np.ndarray]):
    """It says so of these claims for ever: asking again would hold up all others."""
    fake.judged |= bad
    with pytest.raises(ModelRejected, match="cannot be"):
        await TritonJudge(fake.url).judge(CLAIMS, EVIDENCE, ALLOWED)


async def test_a_reply_for_other_claims_is_no_finding(fake: FakeTriton):
    """Each claim has one finding."""
    with pytest.raises(ModelUnavailable, match="found 2 of 1"):
        await TritonJudge(fake.url).judge(["one"], EVIDENCE, [[True] * 3])


async def test_several_answers_are_judged_at_once_but_not_all(fake: FakeTriton):
    """The rest wait their turn, and their time begins with it."""
    fake.pause_s = 0.2
    judge = TritonJudge(fake.url, timeout_s=0.5, in_flight=2)
    asked = (judge.judge(CLAIMS, EVIDENCE, ALLOWED) for _ in range(8))
    assert len(await asyncio.gather(*asked)) == 8
    assert fake.most_at_once == 2


async def test_a_slow_judge_ends_at_its_deadline(fake: FakeTriton):
    """It is not asked for ever."""
    fake.pause_s = 30.0
    with pytest.raises(ModelDeadline):
        await TritonJudge(fake.url, timeout_s=0.3).judge(CLAIMS, EVIDENCE, ALLOWED)


async def test_no_server_is_unavailable_at_the_deadline():
    """Not a deadline error: nobody was slow, nobody was there."""
    judge = TritonJudge("127.0.0.1:1", timeout_s=0.3)
    with pytest.raises(ModelUnavailable):
        await judge.judge(CLAIMS, EVIDENCE, ALLOWED)
    await judge.close()
