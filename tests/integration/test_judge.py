"""The judge in a real Triton: what it says of claims, what it refuses, and that it steps back.

How often it is right, `tests.bench.judge` measures.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.judging.judge import Judge
from models.judging.scoring import load
from models.judging.vectors import WordVectors
from processors.judge.findings import Finding, Judged
from streams.clients.errors import ModelRejected
from streams.clients.judging import TritonJudge
from streams.clients.triton_calls import Connection, bytes_tensor, translated
from streams.config import Settings, Triton
from tests.doubles.judging import WEIGHTS
from tests.doubles.stack import TestStack

HARBOUR = (
    "The harbour of Port Ellery was opened in 1904. It was built by the engineer Ruth Amsel, and "
    "cost two million pounds.",
    "The lighthouse is not open to visitors. Its lamp can be seen from forty kilometres.",
)
COPIED = "The harbour of Port Ellery was opened in 1904."
OTHER_YEAR = "The harbour of Port Ellery was opened in 1931."
ELSEWHERE = "Penguins in Antarctica eat krill, squid and small fish."
CLAIMS = [COPIED, OTHER_YEAR, ELSEWHERE, "", "The lighthouse is open to visitors.", "大きい鯨"]


@pytest.fixture(scope="module")
async def judge(triton: Triton) -> AsyncIterator[TritonJudge]:
    served = TritonJudge(triton.grpc, triton.judge)
    yield served
    await served.close()


async def judged(judge: TritonJudge, claims: list[str]) -> list[Finding]:
    everything = [[True] * len(HARBOUR)] * len(claims)
    return (await judge.judge(claims, HARBOUR, everything)).findings


async def test_a_copied_sentence_is_supported_where_it_stands(judge: TritonJudge):
    """The characters of the source are given, and no word is at fault."""
    (found,) = await judged(judge, [COPIED])
    assert found.verdict == "supported"
    assert found.support == (0, 0, len(COPIED))
    assert HARBOUR[0][: len(COPIED)] == COPIED
    assert found.fault == ""


async def test_another_year_is_contradicted_and_is_the_fault(judge: TritonJudge):
    """The sentence that says otherwise is pointed at."""
    (found,) = await judged(judge, [OTHER_YEAR])
    assert found.verdict == "contradicted"
    assert found.contradicted > found.supported
    assert found.support == (0, 0, len(COPIED))
    assert found.fault == "1931"


async def test_what_the_sources_do_not_speak_of_is_not_in_them(judge: TritonJudge):
    """Nor does any of their sentences stand for it."""
    (found,) = await judged(judge, [ELSEWHERE])
    assert found.verdict == "not_in_sources"
    assert found.support is None
    assert found.contradicted == 0


async def test_a_source_that_a_claim_may_not_use_does_not_support_it(judge: TritonJudge):
    """One mask for the claims of one answer, each with sources of its own."""
    both = [[True, False], [False, True]]
    found = (await judge.judge([COPIED, COPIED], HARBOUR, both)).findings
    assert [one.verdict for one in found] == ["supported", "not_in_sources"]


async def test_nothing_to_judge_is_no_error(judge: TritonJudge):
    """An empty claim, no sources, no claims: an answer may have any of these."""
    nothing = Finding(0.0, 0.0, "not_in_sources", None, "")
    assert await judged(judge, [""]) == [nothing]
    assert (await judge.judge([COPIED], [], [[]])).findings == [nothing]
    assert await judge.judge([], HARBOUR, []) == Judged([], "words-at-fault@1")


async def test_the_served_judge_says_what_the_library_says(judge: TritonJudge, settings: Settings):
    """Also when many ask at once: each has its own findings back."""
    vectors = WordVectors.load(settings.stack.install_dir / "models")
    everything = [[True] * len(HARBOUR)] * len(CLAIMS)
    expected = Judge(load(WEIGHTS), vectors).judge(CLAIMS, HARBOUR, everything)
    together = await judged(judge, CLAIMS)
    alone = await asyncio.gather(*(judged(judge, [claim]) for claim in CLAIMS))
    assert together == [found for (found,) in alone]
    for found, one in zip(together, expected, strict=True):
        place = one.place and (one.place.evidence, one.place.start, one.place.end)
        assert (found.verdict, found.support, found.fault) == (one.verdict, place, one.fault)
        assert found.supported == pytest.approx(one.supported, abs=1e-5)
        assert found.contradicted == pytest.approx(one.contradicted, abs=1e-5)


@pytest.mark.parametrize(
    ("claims", "evidence", "why"),
    [
        (["x"] * 513, ["y"], "513 claims; at most 512"),
        (["x"], ["y"] * 257, "257 evidence; at most 256"),
        (["x"], ["y" * 1_000_000], "longer than 1000000 bytes"),
    ],
    ids=["claims", "evidence", "bytes"],
)
async def test_more_than_the_bounds_is_refused_as_a_whole(
    judge: TritonJudge, claims: list[str], evidence: list[str], why: str
):
    """With the bound in the message; nothing is cut off in silence, and the judge goes on."""
    with pytest.raises(ModelRejected, match=why):
        await judge.judge(claims, evidence, [[True] * len(evidence)] * len(claims))
    assert (await judged(judge, [COPIED]))[0].verdict == "supported"


async def test_bytes_that_are_no_text_are_refused(triton: Triton, judge: TritonJudge):
    """They fail alone: the same process goes on."""
    connection = Connection(triton.grpc)
    bad = [bytes_tensor("claims", [b"\xff"], [1]), bytes_tensor("evidence", [b"x"], [1])]
    with pytest.raises(ModelRejected, match="claim 0 is not UTF-8"), translated():
        await connection.client.infer(triton.judge, bad)
    await connection.close()
    assert (await judged(judge, [COPIED]))[0].verdict == "supported"


async def test_the_judge_leaves_the_processors_to_the_answers(stack: TestStack):
    """Its process has a lower priority than the other models'."""
    nice = {"judge": set[int](), "reader": set[int](), "embedder": set[int]()}
    for process in stack.family():
        for name in nice:
            if any(f"/repository/{name}/" in word for word in process.cmdline()):
                nice[name].add(process.nice())
    assert min(nice["judge"]) > max(nice["reader"] | nice["embedder"])
