"""What was found for past questions, found again in the index as it was."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from processors.replay.parity import Difference, Parity
from processors.replay.reproduction import Reproduction
from streams.replay.answered import answers_between
from streams.replay.means import Means
from streams.replay.reproducing import reproduce
from streams.replay.source import Source

WHAT = "retrieval"


class Retrieving(NamedTuple):
    """Where the past is read from, and by what its questions are asked again, without a model."""

    source: Source
    means: Callable[[], AbstractAsyncContextManager[Means]]


async def compare_retrieval(retrieving: Retrieving, parity: Parity, since: int, until: int) -> None:
    """Compare weights, passages and their order for every answer logged in [since, until) (µs)."""
    answers = await answers_between(retrieving.source, since // 1000, until // 1000)
    async with retrieving.means() as means:
        for one in await reproduce(answers, means):
            _note(parity, one.reproduction)


def _note(parity: Parity, found: Reproduction) -> None:
    part = parity.part(WHAT)
    if found.verdict == "explained":
        part.unknown += 1
        return
    part.compared += 1
    if found.verdict == "different":
        message = "; ".join(one.message for one in found.differences if one.why is None)
        parity.differs(Difference(what=WHAT, where=found.query_id, message=message))
